import type { BrokerBench } from "../broker-bench.ts";
import type { BrokerAbilities, MakeBroker } from "../broker-setup.ts";

/** One MUST of the seam. */
export interface Row {
  readonly title: string;
  readonly needs: readonly (keyof BrokerAbilities)[];
  readonly run: (bench: BrokerBench, make: MakeBroker) => Promise<void>;
}
