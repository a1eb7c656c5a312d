import { createClient, type Client, type Topic } from "@upwire/client";
import type { SlowConsumerPolicy } from "@upwire/core";
import { RealtimeError, type AnyContract, type Position } from "@upwire/protocol";
import { BridgeSocket } from "./bridge-socket.ts";
import type { ClientSetup } from "./client-setup.ts";
import { Ledger, type ShownState } from "./ledger.ts";
import type { Wire } from "./wire.ts";

export interface ClientActorSetup extends ClientSetup {
  readonly clock: { now(): number; after(ms: number, run: () => void): { cancel(): void } };
  readonly random: () => number;
  readonly open: (name: string, policy: SlowConsumerPolicy) => Promise<Wire>;
}

interface Followed {
  readonly topic: Topic<AnyContract, `${string}:{id}`>;
  readonly ledger: Ledger;
  /** Tells the ledger what the client has told and nothing has followed yet. */
  readonly flush: (state?: ShownState) => void;
}

/** One client of a run that is the real one: what it tells its application is judged by the same ledgers. */
export class ClientActor {
  readonly name: string;
  readonly client: Client;
  readonly followed = new Map<string, Followed>();
  socket: BridgeSocket | undefined;
  excusedTurns = 0;
  readonly #setup: ClientActorSetup;
  readonly #publishing = new Set<Promise<void>>();

  constructor(setup: ClientActorSetup) {
    this.#setup = setup;
    this.name = setup.name;
    const { clock, random } = setup;
    const opening = (socket: BridgeSocket): void => this.#open(socket);
    class Socket extends BridgeSocket {
      constructor() {
        super();
        opening(this);
      }
    }
    this.client = createClient("ws://model.test/", {
      WebSocket: Socket,
      clock,
      random,
      fetch: () => Promise.reject(new Error("there is no HTTP here")),
      onError: (error) => this.#reported(error),
    });
  }

  get isQuiet(): boolean {
    const { state } = this.client.status;
    return state === "open" && this.#publishing.size === 0 && [...this.followed.values()].every(({ ledger, flush }) => (flush(), ledger.hasAll));
  }

  follow(name: string): void {
    if (this.followed.has(name)) return;
    const { name: owner, policy, ...shared } = this.#setup;
    const ledger = new Ledger({ ...shared, owner, topic: name, tellsLate: policy === "drop-oldest" });
    const [kind, id] = name.split(":") as [string, string];
    const topic = this.client.topic(`${kind}:{id}`, { id });
    let told: "begin" | "gap" | undefined;
    const flush = (state?: ShownState, position: Position | undefined = topic.position): void => {
      const what = told;
      told = undefined;
      if (what === "begin") ledger.begin(position, state);
      else if (what === "gap") ledger.gap({ after: ledger.seen?.offset, to: position, state });
    };
    this.followed.set(name, { topic, ledger, flush });
    topic.onSubscribed(({ resumed }) => {
      flush();
      if (resumed) {
        this.#setup.counts.resumed++;
        ledger.resume(topic.position as Position);
      } else told = "begin";
    });
    topic.onGap(() => (told ??= "gap"));
    topic.on("state", (state) => flush(state as ShownState));
    topic.on("message", (payload) => {
      // The client's position has this publication already.
      const { epoch, offset } = topic.position as Position;
      flush(undefined, { epoch, offset: offset - 1 });
      ledger.deliver((payload as { readonly number: number }).number);
    });
  }

  leave(name: string): void {
    const followed = this.followed.get(name);
    this.followed.delete(name);
    followed?.topic.unsubscribe();
  }

  publish(name: string, number: number, pad: string, key: string | undefined): void {
    const followed = this.followed.get(name);
    if (followed === undefined) return;
    const publishing = followed.topic
      .publish("message", { number, pad }, key === undefined ? {} : { key })
      .then(
        ({ offset }) => this.#published(number, offset),
        (error: unknown) => this.#reported(error),
      )
      .finally(() => this.#publishing.delete(publishing));
    this.#publishing.add(publishing);
  }

  pump(): void {
    const { journal } = this.#setup;
    const code = this.socket?.pump();
    this.excusedTurns = Math.max(0, this.excusedTurns - 1);
    if (code === undefined || code === 1012) return;
    journal.note(`${this.name} was closed with ${code}`);
    const isExcused = this.socket?.wasSlow === true || this.excusedTurns > 0;
    if (!(isExcused && (code === 1013 || code === 1006))) journal.fail("closed without cause", `${this.name} was closed with ${code}`);
  }

  cut(options: Parameters<Wire["cut"]>[0]): void {
    const { socket } = this;
    if (socket?.wire === undefined || socket.readyState !== 1) return;
    socket.read(socket.wire.cut(options));
    socket.ended(1006);
  }

  settle(): void {
    const { journal } = this.#setup;
    if (this.client.status.state !== "open") journal.fail("lost", `${this.name} is ${this.client.status.state}`);
    if (this.#publishing.size > 0) journal.fail("reply missing", `${this.name} waits for ${this.#publishing.size} answers`);
    for (const { ledger, flush } of this.followed.values()) {
      flush();
      ledger.settle();
    }
  }

  #open(socket: BridgeSocket): void {
    this.socket = socket;
    const { open, name, policy } = this.#setup;
    open(name, policy).then(
      (wire) => socket.opened(wire),
      () => socket.ended(1006),
    );
  }

  #published(number: number, offset: number | undefined): void {
    const { truth, journal } = this.#setup;
    if (!truth.of(number).some((fact) => fact.offset === offset)) journal.fault(new Error(`${this.name} was told the offset ${offset} for number ${number}`));
  }

  /** What a network and a broker can do to a client is told to its application, and is no fault. */
  #reported(error: unknown): void {
    if (error instanceof RealtimeError && error.retryable) this.#setup.counts.unavailable++;
    else this.#setup.journal.fault(error);
  }
}
