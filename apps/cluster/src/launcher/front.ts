import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A server behind the front. */
interface Backend {
  readonly port: number;
  /** Whether it takes new connections. */
  readonly isOpen: boolean;
}

/**
 * What `--proxy none` has in place of a proxy, so that one address leads to all servers here too: each new connection goes to the server
 * that has the fewest, and its bytes pass as they are. For this demo; a deployment has a proxy or a load balancer.
 */
export class Front {
  readonly #server: Server;
  readonly #backends: () => readonly Backend[];
  readonly #sockets = new Map<Socket, number>();

  private constructor(backends: () => readonly Backend[]) {
    this.#backends = backends;
    this.#server = createServer((client) => this.#pass(client));
  }

  /** @throws Error when the port is taken. */
  static async start(port: number, backends: () => readonly Backend[]): Promise<Front> {
    const front = new Front(backends);
    await once(front.#server.listen(port, "127.0.0.1"), "listening");
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #pass(client: Socket): void {
    const countOf = ({ port }: Backend): number => [...this.#sockets.values()].filter((other) => other === port).length;
    const [backend] = this.#backends()
      .filter(({ isOpen }) => isOpen)
      .toSorted((a, b) => countOf(a) - countOf(b));
    client.on("error", () => {});
    if (backend === undefined) {
      client.end("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      return;
    }
    this.#sockets.set(client, backend.port);
    const upstream = connect(backend.port, "127.0.0.1");
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
    client.on("close", () => {
      this.#sockets.delete(client);
      upstream.destroy();
    });
    client.pipe(upstream).pipe(client);
  }
}
