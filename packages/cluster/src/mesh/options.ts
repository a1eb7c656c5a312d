import type { Clock } from "@upwire/core";
import { guard, guardedClock, kinds, readOptions, type OptionKinds } from "@upwire/core/adapter";
import { checkWhole } from "../broker/checks.ts";
import { defaultFolder } from "./folder.ts";

/** Where the processes of one machine meet, and how much may wait for one of them. */
export interface MeshBrokerOptions {
  /**
   * Where the sockets are: the processes with the same one are the nodes of one mesh. It is made with the mode 0700 if there is none; one
   * that belongs to another user, or that others may enter, is refused. At most 85 bytes (81 on macOS), since the path of a socket
   * is short. @default one of this user and the current directory, in the directory of the system for temporary files
   */
  readonly folder?: string;
  /** Applications with other names in one folder leave each other alone. @default "app" */
  readonly name?: string;
  /**
   * What may wait for one other node, at most; publishes may wait for the node with the histories up to a half of it. Over it what waits for that node is
   * dropped, and it is told its losses. No publication may be longer than a quarter of it. Bytes, from 1 MiB to 64 MiB. @default 16777216 (16 MiB)
   */
  readonly maxQueueBytes?: number;
  /** What all histories take together, at most, as in `MemoryBrokerOptions.maxBytes`. Bytes. @default 67108864 (64 MiB) */
  readonly maxHistoryBytes?: number;
  /** Gets each error of what came from outside: garbage, another version. `stats.foreign` counts them. @default nothing */
  readonly onError?: (error: Error) => void;
  /** Replaces time in tests. @default real time */
  readonly clock?: Clock;
}

const MIB = 1024 * 1024;
const MAX_QUEUE_BYTES = 16 * MIB;

export interface MeshSettings extends Required<Omit<MeshBrokerOptions, "maxHistoryBytes">> {
  readonly maxHistoryBytes: number | undefined;
}

// The range of a number is looked at where it is read.
const { anything, callback, clock: aClock, text } = kinds;
const optionKinds: OptionKinds<MeshBrokerOptions> = {
  folder: text,
  name: text,
  maxQueueBytes: anything,
  maxHistoryBytes: anything,
  onError: callback,
  clock: aClock,
};

/** @throws TypeError for an option that does not exist, or of a wrong kind; RangeError for a number out of its range. */
export function readMeshOptions(given: MeshBrokerOptions): MeshSettings {
  const options = readOptions<MeshBrokerOptions>("meshBroker", given, optionKinds);
  const { folder = defaultFolder(), name = "app", maxQueueBytes = MAX_QUEUE_BYTES, maxHistoryBytes, onError = () => {} } = options;
  checkWhole("maxQueueBytes", maxQueueBytes);
  if (maxQueueBytes < MIB || maxQueueBytes > 64 * MIB) throw new RangeError(`maxQueueBytes: ${maxQueueBytes} is not allowed; give ${MIB} to ${64 * MIB} bytes`);
  if (maxHistoryBytes !== undefined) checkWhole("maxHistoryBytes", maxHistoryBytes);
  // An `onError` that fails has nothing else to report to, and must not end the process.
  const report = (error: Error): void =>
    guard(
      () => onError(error),
      () => {},
    );
  return { folder, name, maxQueueBytes, maxHistoryBytes, onError: report, clock: guardedClock(options.clock) };
}
