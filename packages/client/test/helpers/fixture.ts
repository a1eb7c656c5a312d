import { createClient, type AskOptions, type Client, type ClientOptions } from "@upwire/client";
import { FakeClock } from "./fake-clock.ts";
import { FakeNetwork, type FakeSocket } from "./fake-socket.ts";

/** A client on a fake clock and fake sockets, with what it reported. */
export class Fixture {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly errors: unknown[] = [];
  readonly client: Client;

  constructor(options: ClientOptions = {}) {
    this.client = createClient("ws://server.test/ws", {
      WebSocket: this.network.WebSocket,
      clock: this.clock,
      random: () => 0,
      fetch: () => Promise.reject(new Error("offline")),
      onError: (error) => void this.errors.push(error),
      ...options,
    });
  }

  get socket(): FakeSocket {
    return this.network.socket;
  }

  /** The newest socket, accepted and greeted. */
  async open(hello: object = {}): Promise<FakeSocket> {
    return (await this.network.dialled()).accept().hello(hello);
  }

  /** Cuts the connection and opens the next. */
  async reopen(hello: object = {}): Promise<FakeSocket> {
    this.socket.end();
    await this.retry();
    return this.open(hello);
  }

  /** Lets the time pass until the next try. */
  async retry(): Promise<void> {
    const { status } = this.client;
    if (status.state === "waiting") await this.clock.advance(status.retryAt - this.clock.now());
  }

  ask(options?: AskOptions): Promise<unknown> {
    return this.client.request("ask", {}, options);
  }
}
