import type { Broker } from "@upwire/cluster/broker";
import type { Capability } from "../adapter-setup.ts";
import type { FakeClock } from "../fake-clock.ts";

/** What a broker under test is made with. */
export interface BrokerSetup {
  /** Brokers that are made with the same one are nodes of one cluster, apart from all others: 36 characters of `[a-z0-9-]`, random. */
  readonly network: string;
  /** For a broker that takes its time from a clock. One that has its own time leaves it, and declares that it cannot `age`. */
  readonly clock: FakeClock;
  /** What `save` of another broker returned. */
  readonly restore?: Uint8Array;
}

/** A broker whose way to the other nodes the suite can cut, without a word to either end, and mend. */
export interface CuttableBroker {
  readonly broker: Broker;
  readonly cut: () => void | Promise<void>;
  readonly mend: () => void | Promise<void>;
}

/** Makes a broker that has not been started. Called for each behaviour, and in some for several nodes of one `network`, which knows no topic before. */
export type MakeBroker = (setup: BrokerSetup) => Broker | CuttableBroker | Promise<Broker | CuttableBroker>;

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
  /** It has other nodes than its own: those made with the same `network`. */
  readonly nodes: Capability;
  /** `make` returns a `CuttableBroker`. */
  readonly cut: Capability;
  /** It always says in `others` to how many nodes it has handed a publication. */
  readonly others: Capability;
}
