import type { Broker } from "@upwire/cluster/broker";
import { Casts } from "@upwire/cluster/casts";
import { realClock } from "@upwire/cluster/broker";
import { z } from "zod";
import { person } from "./contract.ts";
import type { Person } from "./people.ts";
import type { Direct } from "./plain-chat.ts";

const PLAIN = "plain";
const TYPING = "typing";

const people = z.array(person);
const question = z.union([
  z.object({ ask: z.literal("people") }),
  z.object({ ask: z.literal("count"), room: z.string() }),
  z.object({ ask: z.literal("deliver"), direct: z.object({ from: z.string(), to: z.string(), text: z.string() }), address: z.string() }),
]);

/** What the other workers ask of this one. */
export interface Worker {
  /** To the plain clients here. @returns how many queues took it. */
  toPlain(data: string | Uint8Array): number;
  typing(address: string): number;
  people(): Person[];
  /** How many are in the room here. */
  count(room: string): number;
  /** @returns whether the client is here. */
  deliver(direct: Direct, fromAddress: string): boolean;
}

/** The same chat in other processes: what topics do not carry, since it is for clients that subscribe to none. */
export class OtherWorkers {
  readonly #casts: Casts;

  constructor(broker: Broker, here: Worker) {
    this.#casts = new Casts({
      broker,
      clock: realClock,
      deliver: (address, data) => (address === TYPING ? here.typing(String(data)) : here.toPlain(data)),
      answer: (asked) => answer(here, asked),
      report: console.error,
    });
    for (const address of [PLAIN, TYPING]) this.#casts.join(address);
    this.#casts.start().catch(console.error);
  }

  toPlain(data: string | Uint8Array): void {
    void this.#casts.cast(PLAIN, data);
  }

  typing(address: string): void {
    void this.#casts.cast(TYPING, address);
  }

  /** The people of the workers that answer. */
  async people(): Promise<Person[]> {
    const { answers } = await this.#casts.ask(undefined, { ask: "people" });
    return [...answers.values()].flatMap((answered) => people.safeParse(answered).data ?? []);
  }

  async count(room: string): Promise<number> {
    const { answers } = await this.#casts.ask(undefined, { ask: "count", room });
    return [...answers.values()].reduce((sum: number, count) => sum + (z.number().safeParse(count).data ?? 0), 0);
  }

  /** @returns whether another worker has this client. */
  async deliver(direct: Direct, address: string): Promise<boolean> {
    const { answers } = await this.#casts.ask(undefined, { ask: "deliver", direct, address }, { until: (answered) => answered === true });
    return [...answers.values()].includes(true);
  }

  async stop(): Promise<void> {
    await this.#casts.close();
  }
}

function answer(here: Worker, given: unknown): unknown {
  const { data: asked } = question.safeParse(given);
  switch (asked?.ask) {
    case "people":
      return here.people();
    case "count":
      return here.count(asked.room);
    case "deliver":
      return here.deliver(asked.direct, asked.address);
    default:
      return undefined;
  }
}
