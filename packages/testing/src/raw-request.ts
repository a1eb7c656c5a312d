import { connect } from "node:net";

/** No head of a 101 is longer. To look again at all of a long page with each chunk would take seconds. */
const MAX_HEAD = 64 * 1024;

/**
 * Sends bytes as they are and returns all that came until the server ended the connection, or until the end of the
 * head of a 101. Rejects when neither happens in `timeoutMs`.
 */
export function rawRequest(port: number, bytes: Uint8Array | string, timeoutMs = 3000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes));
    let received = "";
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server kept the connection open for ${timeoutMs} ms; it sent ${JSON.stringify(received.slice(0, 200))}`));
    }, timeoutMs);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      received += text;
      if (received.length <= MAX_HEAD && /^HTTP\/1\.[01] 101 [^]*\r\n\r\n/.test(received)) finish();
    });
    // A reset ends the connection too.
    socket.on("error", () => {});
    socket.on("close", finish);
  });
}
