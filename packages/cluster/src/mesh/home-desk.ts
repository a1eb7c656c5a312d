import type { BatchReader } from "./batch-reader.ts";
import { messages } from "./frames.ts";
import type { Home } from "./home.ts";
import { readBounds, readPublish } from "./messages.ts";
import type { Peer } from "./peer.ts";

/** Takes what other nodes ask of the home, or says that this node is not the home. */
export class HomeDesk {
  readonly #serving: () => Home | undefined;
  /** Nodes that ask this one, which is not the home: what they ask is ignored until they begin again, so that their order is kept. */
  readonly #refused = new Set<Peer>();

  /** @param serving The home, if this node is it and may serve now. */
  constructor(serving: () => Home | undefined) {
    this.#serving = serving;
  }

  /** @returns whether this was something that a home is asked. */
  message(peer: Peer, kind: number, reader: BatchReader): boolean {
    if (kind === messages.again) this.#refused.delete(peer);
    else if (kind !== messages.publish && kind !== messages.subscribe && kind !== messages.unsubscribe && kind !== messages.history) return false;
    if (this.#refused.has(peer)) return true;
    const home = this.#serving();
    if (home === undefined) {
      this.#refused.add(peer);
      peer.link.signal(messages.notHome);
    } else serve(home, peer, kind, reader);
    return true;
  }

  died(peer: Peer): void {
    this.#refused.delete(peer);
  }
}

function serve(home: Home, peer: Peer, kind: number, reader: BatchReader): void {
  if (kind === messages.publish) {
    const { unanswered, ...request } = readPublish(reader);
    home.publish(peer.node, request, unanswered);
  } else if (kind === messages.subscribe) {
    const number = reader.number();
    const topic = reader.text();
    home.sendPosition(peer.link, number, home.subscribe(peer.node, number, topic, readBounds(reader)));
    home.proceed();
  } else if (kind === messages.unsubscribe) home.unsubscribe(peer.node, reader.number());
  else if (kind === messages.history) home.sendPage(peer.link, reader.number(), reader.text(), reader.number(), reader.number());
  // A node of an earlier release does not say how many subscriptions follow.
  else home.asks(peer.node, reader.hasMore ? reader.number() : 0);
}
