import { randomBytes } from "node:crypto";
import { acceptKey } from "../accept-key.ts";

/** The client's side of the opening handshake (RFC 6455 §4.1), as a browser sends it. */
export class Opening {
  readonly request: string;
  readonly #accept: string;
  readonly #deflate: boolean;
  readonly #subprotocol: string | undefined;
  #answer: Buffer = Buffer.alloc(0);

  constructor(port: number, target: string, { deflate, subprotocol }: { readonly deflate: boolean; readonly subprotocol: string | undefined }) {
    const key = randomBytes(16).toString("base64");
    this.#accept = acceptKey(key);
    this.#deflate = deflate;
    this.#subprotocol = subprotocol;
    this.request = [
      `GET ${target} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      `Origin: http://127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "User-Agent: upwire-bench",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${key}`,
      ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
      ...(deflate ? ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"] : []),
      "\r\n",
    ].join("\r\n");
  }

  /** @returns what came behind the answer once that is complete. @throws Error when it is not what was asked for. */
  read(chunk: Buffer): Buffer | undefined {
    this.#answer = Buffer.concat([this.#answer, chunk]);
    const end = this.#answer.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const head = this.#answer.toString("latin1", 0, end);
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`the handshake was answered with ${head.split("\r\n", 1)[0]}`);
    if (!head.includes(this.#accept)) throw new Error("Sec-WebSocket-Accept is wrong");
    if (this.#deflate !== /^sec-websocket-extensions:.*permessage-deflate/im.test(head)) throw new Error("the extensions are not those asked for");
    if (this.#subprotocol !== /^sec-websocket-protocol: *(.*)$/im.exec(head)?.[1]) throw new Error("the subprotocol is not the one offered");
    return this.#answer.subarray(end + 4);
  }
}
