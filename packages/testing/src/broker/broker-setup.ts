import type { Broker } from "@upwire/cluster/broker";
import type { Capability } from "../adapter-setup.ts";
import type { FakeClock } from "../fake-clock.ts";

/** What a broker under test is made with. */
export interface BrokerSetup {
  /** For a broker that takes its time from a clock. One that has its own time leaves it, and declares that it cannot `age`. */
  readonly clock: FakeClock;
  /** What `save` of another broker returned. */
  readonly restore?: Uint8Array;
}

/** Makes a broker that has not been started and knows no topic. Called for each behaviour. */
export type MakeBroker = (setup: BrokerSetup) => Broker | Promise<Broker>;

/** What a broker may lack. Everything else is required of every broker. */
export interface BrokerAbilities {
  /** It keeps the newest publications of topics that want it. */
  readonly history: Capability;
  /** It tells each publication once, in order, and at the latest when its `publish` is fulfilled. */
  readonly exact: Capability;
  /** A `publish` works on the first try. */
  readonly steady: Capability;
  /** It can lose a publication on the way, and thus calls `top` each second. */
  readonly tops: Capability;
  /** Its time is the clock of `BrokerSetup`, so that what it keeps for a time can be seen to go. */
  readonly age: Capability;
  /** It has `save`, and goes on from what that returns. */
  readonly save: Capability;
}
