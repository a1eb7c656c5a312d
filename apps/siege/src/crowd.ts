import { Peer, sourceAddress, type PeerOptions } from "./peer.ts";

/** At most this many connects at once: Node's listen queue holds 511, and seven servers may be attacked together. */
const CONNECTS = 100;

/** Runs `task` for 0 to `count - 1`, at most `width` at a time. */
export async function inParallel<T>(count: number, width: number, task: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await task(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return results;
}

/** Connects `count` clients, each alike or as `optionsFor` says. */
export function openMany(count: number, options: PeerOptions, optionsFor: (index: number) => Partial<PeerOptions> = () => ({})): Promise<Peer[]> {
  return inParallel(count, CONNECTS, (index) => Peer.open({ ...options, sourceAddress: sourceAddress(index), ...optionsFor(index) }));
}

/**
 * A new client connects, has a message echoed and leaves.
 * @returns how long it took until the echo was there. @throws Error when that takes more than 10 s.
 */
export async function serveGoodClient(port: number): Promise<number> {
  const start = performance.now();
  let tell = (_took: number): void => {};
  const echoed = new Promise<number>((resolve) => (tell = resolve));
  const peer = new Peer({ port, onMessage: () => tell(performance.now() - start) });
  const timer = setTimeout(() => peer.socket.destroy(), 10_000);
  const served = peer.answered.then((status) => {
    if (status !== 101) throw new Error(`a good client got ${status || "no answer"}`);
    peer.send("good");
    return Promise.race([echoed, peer.ended.then(({ code }) => Promise.reject(new Error(`a good client was closed with ${code}`)))]);
  });
  try {
    const took = await served;
    await peer.close();
    return took;
  } finally {
    clearTimeout(timer);
  }
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
