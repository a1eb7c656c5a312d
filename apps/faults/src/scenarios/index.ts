import type { Scenario } from "../scenario.ts";
import { inputScenarios } from "./input.ts";
import { nodeScenarios } from "./nodes.ts";
import { redisBroker } from "./redis-broker.ts";
import { socketIoScenarios } from "./socketio.ts";

/** In the order of the table. */
export const scenarios: readonly Scenario[] = [...redisBroker, ...socketIoScenarios, ...nodeScenarios, ...inputScenarios];
