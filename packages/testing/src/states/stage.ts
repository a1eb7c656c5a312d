import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureContext } from "node:tls";
import type { RunningServer } from "../adapter-setup.ts";
import { Channel } from "../channel.ts";
import type { BarrierClock } from "./barrier-clock.ts";
import type { Transport } from "./cell.ts";
import { StateClient } from "./state-client.ts";

export const ECHO_PATH = "/states/echo";
export const HELD_PATH = "/states/held";

/** A busy machine takes its time. */
const PATIENCE_MS = 10_000;

/** The server that the cells of one transport and one neighbour share. */
export class Stage {
  readonly running: RunningServer;
  readonly port: number;
  readonly transport: Transport;
  readonly clock: BarrierClock;
  readonly #pages: HeldPages;
  #witness: Promise<StateClient> | undefined;
  /** The newest turn, and the same while it has sent nothing yet. */
  #turn: Promise<void> = Promise.resolve();
  #turnToCome: Promise<void> | undefined;
  /** One for all connections: to make one costs more than all else of a TLS client. */
  readonly #trust = createSecureContext();

  constructor(running: RunningServer & { readonly port: number }, transport: Transport, clock: BarrierClock, pages: HeldPages) {
    this.running = running;
    this.port = running.port;
    this.transport = transport;
    this.clock = clock;
    this.#pages = pages;
  }

  connect(): Promise<StateClient> {
    return StateClient.connect(this.port, this.transport === "TLS" ? this.#trust : undefined);
  }

  /** The response to the page that was asked for as `name`, once the application has it: the caller answers it. */
  page(name: string): Promise<ServerResponse> {
    return this.#pages.next(name);
  }

  /**
   * Settles when the server has answered a request that is sent from now on: all that was sent before has arrived. Cells that ask while
   * one such request is under way share the next.
   */
  turn(): Promise<void> {
    if (this.#turnToCome !== undefined) return this.#turnToCome;
    const turn = this.#turn.then(() => {
      this.#turnToCome = undefined;
      return this.#askWitness();
    });
    this.#turnToCome = turn;
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async leave(): Promise<void> {
    (await this.#witness)?.socket.destroy();
  }

  async #askWitness(): Promise<void> {
    if (this.#witness === undefined || (await this.#witness).isOver) this.#witness = this.connect();
    const witness = await this.#witness;
    witness.send("GET /http HTTP/1.1\r\nHost: witness\r\n\r\n");
    await witness.response("an ordinary request on another connection");
  }
}

/** The pages under `HELD_PATH?name`: each waits until a cell answers it. */
export class HeldPages {
  readonly #pages = new Map<string, Channel<ServerResponse>>();

  readonly serve = (req: IncomingMessage, res: ServerResponse): void => {
    this.#page(req.url?.split("?", 2)[1] ?? "").push(res);
  };

  next(name: string): Promise<ServerResponse> {
    return this.#page(name).next(PATIENCE_MS);
  }

  #page(name: string): Channel<ServerResponse> {
    const page = this.#pages.get(name) ?? new Channel();
    this.#pages.set(name, page);
    return page;
  }
}
