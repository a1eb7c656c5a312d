import { attach, type Attachment, type AttachOptions } from "@upwire/core";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { ownOptions } from "./mistakes.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The WebSocket side of this application: `await app.upwire.shutdown()` before `app.close()`. */
    readonly upwire: Attachment;
  }
}

/** What `attach` is. Declared here, so that whoever imports it also gets the type of `app.upwire`. */
export type AttachPlugin<Options extends object = AttachOptions> = FastifyPluginAsync<Options>;

/** Attaches core to the server of `app`, and makes it known as `app.upwire`. @param others Options that are not core's. */
export function attachTo(app: FastifyInstance, options: AttachOptions, others?: readonly string[]): Attachment {
  const attachment = attach(app.server, ownOptions(options, others));
  app.decorate("upwire", attachment);
  return attachment;
}

/** What `app.close()` waits for: a shutdown that goes on has its own deadline, and everybody else is told to go. */
export function endOf(attachment: Attachment): Promise<void> {
  return attachment.isClosing ? attachment.shutdown() : attachment.close();
}
