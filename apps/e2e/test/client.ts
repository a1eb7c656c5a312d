import { WebSocket, type ClientOptions, type RawData } from "ws";

interface Waiter {
  readonly matches: (text: string) => boolean;
  readonly resolve: (text: string) => void;
}

/** A WebSocket client outside the browser. */
export class Client {
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #received: string[] = [];
  readonly #waiters = new Set<Waiter>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data: RawData) => this.#receive((data as Buffer).toString()));
  }

  /** @throws Error of `ws`, such as "Unexpected server response: 404". */
  static connect(url: string, { protocol, ...options }: ClientOptions & { protocol?: string } = {}): Promise<Client> {
    const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], options);
    // At once: a message may come in the same packet as the answer.
    const client = new Client(socket);
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve(client));
      socket.on("error", reject);
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  /** Reads nothing any more, so that no close frame is answered either. */
  pause(): void {
    this.#socket.pause();
  }

  /** The first message, earlier or later, that contains `part`. */
  receive(part: string): Promise<string> {
    const matches = (text: string): boolean => text.includes(part);
    const earlier = this.#received.find(matches);
    if (earlier !== undefined) return Promise.resolve(earlier);
    return new Promise((resolve) => this.#waiters.add({ matches, resolve }));
  }

  #receive(text: string): void {
    this.#received.push(text);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(text)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(text);
    }
  }
}
