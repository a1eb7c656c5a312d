import type { Protocol } from "../catalogue.ts";

/** What the clients do once they are connected. */
export type Workload =
  /** Each publisher has so many messages on their way, and sends the next when all of its group have one. */
  | { readonly kind: "closed"; readonly groups: number; readonly publishersPerGroup: number; readonly inFlight: number }
  /** So many messages per second, whatever comes back. `stopped` clients, the last ones, read nothing. */
  | { readonly kind: "rate"; readonly perSecond: number; readonly stopped: number }
  /** Nothing; with `talks`, every client has got a few messages before it is silent. */
  | { readonly kind: "idle"; readonly talks: boolean }
  /** Opening is all there is. The first ones warm the server up. */
  | { readonly kind: "connect"; readonly before: number }
  /** Nothing: the heap of the server is what is looked at. */
  | { readonly kind: "heap" }
  /** All come back at a topic that has `window` messages, of which each client missed the last `missed`. */
  | { readonly kind: "resume"; readonly window: number; readonly missed: number };

/** Who sends at a rate: the first clients, in turn. */
export const RATE_PUBLISHERS = 16;

/** One measurement, as the driver process gets it. Times in milliseconds. */
export interface Job {
  readonly port: number;
  /** Where its process takes calls, if it does. */
  readonly controlPort?: number | undefined;
  /** The server's process. */
  readonly pid: number;
  readonly protocol: Protocol;
  readonly deflate: boolean;
  /** Client `i` asks for room `i % rooms`. */
  readonly rooms?: number;
  readonly clients: number;
  readonly payloadBytes: number;
  readonly workload: Workload;
  readonly warmUpMs: number;
  readonly warmUpDeliveries?: number | undefined;
  readonly windowMs: number;
}

/** What one measurement found. Figures that a workload has no use for are missing. */
export interface Figures {
  /** Server CPU, user and system, in microseconds: per delivery, per opened connection, or per client that came back. */
  readonly cpuUs?: number;
  readonly userUs?: number;
  /** Deliveries, opened connections, or clients that came back. */
  readonly perSecond?: number;
  /** From the moment at which a message was to be sent, or a client asked for what it missed, in milliseconds. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly p999Ms?: number;
  /** How many messages came with one read: what the server had joined, or the kernel. */
  readonly perRead?: number;
  readonly bytesPerConnection?: number;
  /** The same on the heap of V8, after a collection. */
  readonly heapPerConnection?: number;
  readonly rssMb: number;
  /** While the messages went. */
  readonly rssGrowthMb?: number;
  /** Mean size of a compressed message. */
  readonly compressedBytes?: number;
  readonly lost: number;
  readonly disorders: number;
  /** Clients that read and were closed all the same. */
  readonly closed: number;
  /** Clients that stopped reading and were closed for it. */
  readonly stoppedClosed?: number;
  /** CPU of both while they were measured, as a share of one core. */
  readonly serverShare: number;
  readonly driverShare: number;
}

/** The driver had no time left and the server had: the row's figures per second are lower bounds, and so is what it joins. */
export function isDriverBound({ serverShare, driverShare }: Pick<Figures, "serverShare" | "driverShare">): boolean {
  return driverShare > 0.9 && serverShare < 0.95;
}
