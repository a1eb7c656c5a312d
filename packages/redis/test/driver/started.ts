import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { Channel } from "@upwire/testing";
import { realClock } from "../../../cluster/src/broker/real-clock.ts";
import { createDriver, type CreateDriverOptions } from "../../src/driver/create-driver.ts";
import type { RedisDriver } from "../../src/driver/driver.ts";

interface Told {
  readonly channel: string;
  /** Each byte a character. */
  readonly text: string;
}

export interface Started {
  readonly driver: RedisDriver;
  readonly messages: Channel<Told>;
  /** States, and `again` for each `resubscribed`. */
  readonly states: Channel<string>;
  readonly errors: string[];
  readonly close: () => Promise<void>;
}

/** A driver that has started. The test must close it. */
export async function started(client: CreateDriverOptions["client"], options: Partial<CreateDriverOptions> = {}): Promise<Started> {
  const driver = await createDriver({ client, prefix: "t", node: `n${String(Math.random()).slice(2)}`, clock: realClock, ...options });
  const messages = new Channel<Told>();
  const states = new Channel<string>();
  const errors: string[] = [];
  await driver.start({
    message: (channel, data) => messages.push({ channel, text: data.toString("latin1") }),
    foreign: () => {},
    resubscribed: () => states.push("again"),
    state: (state) => states.push(state),
    error: ({ message }) => errors.push(message),
  });
  expect(await states.next()).toBe("up");
  return { driver, messages, states, errors, close: () => driver.close() };
}

/** Everything of this file must get by without an unhandled rejection. */
export function expectNoneUnhandled(): void {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  beforeAll(() => void process.on("unhandledRejection", note));
  afterEach(async () => {
    // They are reported a turn after they happen.
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).toEqual([]);
  });
  afterAll(() => void process.off("unhandledRejection", note));
}
