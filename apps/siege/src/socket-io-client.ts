import { openMany } from "./crowd.ts";
import type { Peer, PeerOptions } from "./peer.ts";

/**
 * Connects clients that speak as much of Engine.IO 4 and Socket.IO 5 as an event needs: a rival is measured with the
 * client that the others have. Packet types: 0 open, 2 ping, 3 pong, 40 connect, 42 event.
 */
export async function socketIoClient(count: number, options: PeerOptions): Promise<Peer[]> {
  const peers: Peer[] = [];
  const joined: Promise<void>[] = [];
  await openMany(count, { ...options, path: "/ws/?EIO=4&transport=websocket" }, (index) => {
    const { promise, resolve } = withResolver();
    joined[index] = promise;
    return {
      onMessage: (payload, length) => {
        const type = payload.toString("latin1", 0, 2);
        if (type === "42") options.onMessage?.(payload, length);
        else if (type.startsWith("2")) peers[index]?.send("3");
        else if (type === "40") resolve();
      },
    };
  }).then((opened) => peers.push(...opened));
  for (const peer of peers) peer.send("40");
  await Promise.all(joined);
  return peers;
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
