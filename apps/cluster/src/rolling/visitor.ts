import { createClient, type Client } from "@upwire/client";
import { WebSocket } from "ws";
import type { ClusterContract } from "../contract.ts";
import { Publisher } from "../publisher.ts";
import { Tally } from "../tally.ts";

/** Compression would make this a test of zlib. */
class PlainWebSocket extends WebSocket {
  constructor(url: string | URL, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

export interface VisitorOptions {
  readonly url: string;
  readonly name: string;
  readonly room: string;
  readonly onError: (error: unknown) => void;
}

/** One client in one room, with all that it is told. */
export class Visitor {
  readonly name: string;
  readonly room: string;
  readonly tally: Tally = new Tally();
  readonly publisher: Publisher;
  /** From each of its close frames to its subscription on the next connection. Milliseconds. */
  readonly backMs: number[] = [];
  readonly #client: Client<ClusterContract>;
  #wasTold = false;
  #closedAt: number | undefined;
  #node = "";
  #isSubscribed = false;
  /** Times that it came back on another server than the one that it had been on. */
  moves = 0;
  /** Connections that ended without the word of the server that it drains. */
  cuts = 0;
  /** Handshakes that came to nothing. */
  failedTries = 0;
  /** Losses that it was told. */
  gaps = 0;

  constructor({ url, name, room, onError }: VisitorOptions) {
    this.name = name;
    this.room = room;
    this.#client = createClient<ClusterContract>(`${url.replace("http", "ws")}ws?tab=${name}`, { WebSocket: PlainWebSocket, onError });
    this.publisher = new Publisher(this.#client, room, onError);
    this.#client.onStatus(({ state }) => {
      if (state !== "waiting") return;
      if (!this.#isSubscribed) this.failedTries++;
      else this.#closedAt = performance.now();
      if (this.#isSubscribed && !this.#wasTold) this.cuts++;
      this.#isSubscribed = this.#wasTold = false;
    });
    // Right before the close frame with 1012 a server says when to come back.
    this.#client.onFrame(({ data }) => {
      if (typeof data === "string" && data.includes('"upwire.reconnect"')) this.#wasTold = true;
    });
    const topic = this.#client.topic("room:{room}", { room });
    topic.onSubscribed(({ resumed }) => this.#subscribed({ resumed }));
    topic.onGap(() => void this.gaps++);
    topic.on("message", (message) => this.tally.add(message));
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  close(): void {
    this.#client.close();
  }

  #subscribed({ resumed }: { readonly resumed: boolean }): void {
    this.#isSubscribed = true;
    // An id begins with the name of the server's node.
    const node = this.#client.connectionId?.slice(0, 8) ?? "";
    if (this.#closedAt !== undefined) {
      this.backMs.push(performance.now() - this.#closedAt);
      if (node !== this.#node) this.moves++;
      if (!resumed) this.gaps++;
    }
    this.#closedAt = undefined;
    this.#node = node;
  }
}
