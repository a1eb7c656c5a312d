import { createServer, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { isWebSocketUpgrade } from "../checks/handshake.ts";
import type { AttachableServer } from "./server.ts";

type ShouldUpgrade = (req: IncomingMessage) => boolean;

/** Node 22.21, 24.9 and later ask this before they take a request for an upgrade. */
interface AskingServer {
  shouldUpgradeCallback?: ShouldUpgrade;
}

/** What sets up a socket for HTTP. Node has one for all servers, which works on the server it is called on. */
type ConnectionListener = (this: AttachableServer, socket: Socket) => void;

/**
 * RFC 9110 §7.8: an `Upgrade` header may be ignored. Lets Node do that with every request that is no WebSocket handshake, as
 * long as no other library listens for upgrades. @returns what undoes it, or `undefined` where this Node does not ask: there
 * `giveBack` does the same afterwards.
 */
export function ignoreOtherUpgrades(server: AttachableServer, isAlone: () => boolean): (() => void) | undefined {
  if (!("shouldUpgradeCallback" in createServer())) return undefined;
  const asking = server as AskingServer;
  // In Node 22.21.0 an HTTP/2 server has none, and a request for an upgrade ends the process (nodejs/node 60402).
  const before = Object.getOwnPropertyDescriptor(server, "shouldUpgradeCallback");
  const previous: ShouldUpgrade = asking.shouldUpgradeCallback ?? (() => server.listenerCount("upgrade") > 0);
  const ask: ShouldUpgrade = (req) => isWebSocketUpgrade(req.headers) || (!isAlone() && previous.call(server, req));
  asking.shouldUpgradeCallback = ask;
  return () => {
    if (asking.shouldUpgradeCallback !== ask) return;
    if (before === undefined) delete asking.shouldUpgradeCallback;
    else Object.defineProperty(server, "shouldUpgradeCallback", before);
  };
}

/**
 * Makes an ordinary request of one that Node took for an upgrade: sets up the socket for HTTP again and reads the request anew.
 * @returns false where the runtime's `http` has no such listener.
 */
export function giveBack(
  server: AttachableServer,
  { req, socket, head }: { readonly req: IncomingMessage; readonly socket: Socket; readonly head: Buffer },
): boolean {
  // The listener is called directly: emitting the event would run those of other libraries a second time.
  const listener = createServer().listeners("connection")[0] as ConnectionListener | undefined;
  if (listener === undefined) return false;
  listener.call(server, socket);
  // Only for this call. Node 20 counts the listeners for `upgrade` to decide whether a request is one.
  Object.defineProperty(server, "listenerCount", { value: () => 0, configurable: true });
  try {
    socket.emit("data", headOf(req));
  } finally {
    delete (server as Partial<AttachableServer>).listenerCount;
  }
  if (head.byteLength > 0) socket.unshift(head);
  return true;
}

/** Writes no space behind a name: the head must not become longer than what was sent, or it would pass `maxHeaderSize`. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) head += `${rawHeaders[i]}:${rawHeaders[i + 1]}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
}
