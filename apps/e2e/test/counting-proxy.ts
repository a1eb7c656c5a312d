import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** The first line of an HTTP request. What a client sends over a WebSocket is masked, and looks like one about never. */
const requestLine = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/;

/** Stands before a server, and sees each HTTP request as it comes over TCP, handshakes included. It can break like a network. */
export class CountingProxy {
  /** Such as `GET /`. */
  readonly requests: string[] = [];
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => {
      const upstream = connect(port, "127.0.0.1");
      client.on("data", (bytes: Buffer) => {
        const line = requestLine.exec(bytes.toString("latin1"))?.[1];
        if (line !== undefined) this.requests.push(line);
      });
      client.pipe(upstream).pipe(client);
      this.#join(client, upstream);
      this.#join(upstream, client);
    });
  }

  static async listen(port: number): Promise<CountingProxy> {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new CountingProxy(server, port);
  }

  /** No connection survives, and nobody says goodbye. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
