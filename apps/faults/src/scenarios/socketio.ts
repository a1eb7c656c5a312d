// Socket.IO with its adapters under the same fault as ours, in the same run: measured, and not judged.
import { BEGUN_ANEW, type Scenario } from "../scenario.ts";
import { onSocketIo } from "./engines.ts";
import { killAndRestart } from "./redis-broker.ts";

function killed(name: string, adapter: "redis" | "streams", appendonly: "no" | "everysec"): Scenario {
  return {
    name,
    about: `Socket.IO with its ${adapter === "redis" ? "Redis" : "Redis streams"} adapter; kill -9 and restart of Redis, ${appendonly === "no" ? "no persistence" : `AOF ${appendonly}`}`,
    redis: { appendonly },
    engines: onSocketIo(adapter),
    bounds: { log: BEGUN_ANEW, live: BEGUN_ANEW },
    isControl: true,
    play: (place) => killAndRestart(place),
  };
}

export const socketIoScenarios: readonly Scenario[] = [killed("socketio-redis", "redis", "no"), killed("socketio-streams", "streams", "everysec")];
