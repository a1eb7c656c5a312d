import { ServerResponse, type IncomingMessage } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ConnectionHandler } from "../connection/connection-handler.ts";
import type { UpgraderOptions } from "../connection/options.ts";
import { Refusal, sendRefusal } from "../checks/refusal.ts";
import { Upgrader } from "./upgrader.ts";

/**
 * A WebSocket route for bare `node:http`, `node:https`, and `node:http2` with `allowHTTP1`: call it from your request listener
 * for the paths it serves. A request by HTTP/2 itself is refused with 426.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context, IncomingMessage>,
  options?: UpgraderOptions<Context, IncomingMessage> | Upgrader<Context, IncomingMessage>,
): (req: IncomingMessage | Http2ServerRequest, res: ServerResponse | Http2ServerResponse) => Promise<void> {
  if (options instanceof ServerResponse) return answerUncalled(options);
  const upgrader = Upgrader.forRoute(handler, options);
  return async (req, res) => {
    // By HTTP/2 it is refused, with the methods that both have.
    await upgrader.upgrade(req as IncomingMessage, res as ServerResponse, handler);
  };
}

/** For `createServer(websocket)`: a throw would end the process at the first request. */
function answerUncalled(res: ServerResponse): () => Promise<void> {
  const text = "websocket: write createServer(websocket(handler)) and not createServer(websocket)";
  console.error("upwire:", text);
  sendRefusal(res, new Refusal("ERR_CHECK_FAILED", 500, `${text}\n`));
  return async () => {};
}
