import { ServerResponse, type IncomingMessage } from "node:http";
import type { ConnectionHandler } from "./connection-handler.ts";
import type { UpgraderOptions } from "./options.ts";
import { Refusal, sendRefusal } from "./refuse.ts";
import { Upgrader } from "./upgrader.ts";

/**
 * A WebSocket route for bare `node:http` and `node:https`: call it from your request listener for the paths it serves.
 * @throws RangeError or TypeError for options that cannot be meant.
 */
export function websocket<Context>(
  handler: ConnectionHandler<Context>,
  options?: UpgraderOptions<Context, IncomingMessage> | Upgrader<Context, IncomingMessage>,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  if (options instanceof ServerResponse) return answerUncalled(options);
  const upgrader = Upgrader.forRoute(handler, options);
  return async (req, res) => {
    await upgrader.upgrade(req, res, handler);
  };
}

/** For `createServer(websocket)`: a throw would end the process at the first request. */
function answerUncalled(res: ServerResponse): () => Promise<void> {
  const text = "websocket: write createServer(websocket(handler)) and not createServer(websocket)";
  console.error("upwire:", text);
  sendRefusal(res, new Refusal("ERR_CHECK_FAILED", 500, `${text}\n`));
  return async () => {};
}
