import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectionHandler } from "./connection-handler.ts";
import type { UpgraderOptions } from "./options.ts";
import { Upgrader } from "./upgrader.ts";

/**
 * A WebSocket route for bare `node:http` and `node:https`: call it from your request listener for the paths it serves.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, IncomingMessage> | Upgrader<Context, IncomingMessage>,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const upgrader = Upgrader.forRoute(handler, options);
  return async (req, res) => {
    await upgrader.upgrade(req, res, handler);
  };
}
