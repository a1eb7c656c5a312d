import { isNodeName } from "@upwire/cluster/broker";
import { decodeEnvelope, encodeEnvelope } from "@upwire/cluster/envelope";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { RedisReplyError, type RedisDriver } from "../driver/driver.ts";
import { replyArray, replyNumber, replyText } from "../driver/reply.ts";
import { planeNames, type PlaneNames } from "./names.ts";
import { LEASE_MS, Roster } from "./roster.ts";
import { keepScript, keptScript, leaseScript } from "./scripts.ts";

export interface NodePlaneOptions {
  readonly driver: RedisDriver;
  readonly prefix: string;
  readonly node: string;
  readonly clock: Clock;
  readonly told: (from: string, data: Uint8Array) => void;
  readonly nodes: (alive: readonly string[]) => void;
  /** What went wrong where nothing could reject. */
  readonly report: (error: Error) => void;
}

const RENEW_MS = 1000;
/** The longest that `tell` keeps. Milliseconds. */
const KEEP_MOST_MS = 3_600_000;
/** More than so many would be thousands of revocations an hour that wait for a node. The oldest go. */
const KEEP_MOST = 10_000;
const READ_AT_ONCE = 500;

/** The first byte of what nodes tell each other. One that is not known here came later: it is dropped. */
const TELL = 0;
/** There is something to read in what is kept, up to the id that follows. */
const LOOK = 1;
const CAME = 2;
const WENT = 3;
/** The leases of the nodes whose names follow are over. */
const GONE = 4;

/** Which nodes there are, and what they tell each other. Both are on one server of a Cluster, apart from publications. */
export class NodePlane {
  readonly #options: NodePlaneOptions;
  readonly #names: PlaneNames;
  readonly #own: string;
  readonly #roster: Roster;
  /** What was told behind something that is being read. */
  readonly #behind: (() => Promise<void> | void)[] = [];
  #timer: Timer | undefined;
  #state: "new" | "started" | "closed" = "new";
  #lastKept = "0-0";
  #overdue = { upTo: "0-0", at: 0 };
  #isReading = false;
  #renewing: Promise<void> | undefined;
  #isAgain = false;
  #lastReport = "";

  constructor(options: NodePlaneOptions) {
    this.#options = options;
    this.#names = planeNames(options.prefix);
    this.#own = this.#names.of(options.node);
    this.#roster = new Roster(options.clock, (alive) => {
      if (this.#state === "started") options.nodes(alive);
    });
  }

  /** Fulfils when the others can tell this node something, and it knows them. @throws what the driver rejects with. */
  async start(): Promise<void> {
    const { driver, clock } = this.#options;
    await driver.subscribe([this.#own, this.#names.all]);
    // What was told until this moment is not for this node.
    this.#lastKept = await this.#lease();
    this.#state = "started";
    this.#timer = clock.every(RENEW_MS, () => void this.#renew());
    await this.#announce(CAME);
  }

  nodes(): readonly string[] {
    return this.#roster.alive;
  }

  /** Whether this channel belongs to the control plane; then it has been dealt with. */
  message(channel: string, data: Buffer): boolean {
    if (channel !== this.#own && channel !== this.#names.all) return false;
    const envelope = decodeEnvelope(data);
    if (envelope?.kind !== "control" || envelope.node === this.#options.node || this.#state !== "started") return true;
    const { node, data: body } = envelope;
    switch (body[0]) {
      case TELL:
        this.#inTurn(() => this.#options.told(node, body.subarray(1)));
        break;
      case LOOK:
        this.#inTurn(() => this.#read(Buffer.from(body.subarray(1)).toString()));
        break;
      case CAME:
        void this.#renew();
        break;
      case WENT:
        this.#roster.drop([node]);
        break;
      case GONE:
        // One that names this node comes late: it is here.
        this.#roster.drop(
          Buffer.from(body.subarray(1))
            .toString()
            .split(",")
            .filter((name) => name !== this.#options.node),
        );
        break;
      default:
    }
    return true;
  }

  /** After a cut, what the driver tells: `undefined` for all channels. */
  resubscribed(channels: readonly string[] | undefined): void {
    if (this.#state !== "started") return;
    if (channels !== undefined && !channels.includes(this.#own)) return;
    this.#roster.forgive();
    void this.#renew();
    this.#inTurn(() => this.#read("+"));
  }

  /** @throws RedisReplyError, RedisUnavailableError */
  async tell(to: string | undefined, data: Uint8Array, { keepMs }: { readonly keepMs?: number } = {}): Promise<void> {
    const { driver, node } = this.#options;
    // In what is kept, no name stands for all.
    if (to === node || to === "") return;
    const channel = to === undefined ? this.#names.all : this.#names.of(to);
    if (keepMs === undefined) {
      await driver.call(driver.publication(channel, this.#wrap(TELL, data)));
      return;
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const publish = driver.sharded ? "SPUBLISH" : "PUBLISH";
    const args = [to ?? "", node, bytes, Math.ceil(keepMs), KEEP_MOST_MS, KEEP_MOST, publish, channel, this.#wrap(LOOK)];
    await driver.call({ script: keepScript, keys: [this.#names.kept], args });
  }

  /** Says goodbye, as far as Redis can be reached. Never rejects. */
  async close(): Promise<void> {
    const wasStarted = this.#state === "started";
    this.#state = "closed";
    this.#timer?.cancel();
    this.#roster.clear();
    this.#behind.length = 0;
    if (!wasStarted || this.#options.driver.state() === "down") return;
    // A renewal under way must not take the lease again.
    await this.#renewing;
    const { driver, node } = this.#options;
    await driver.call({ args: ["ZREM", this.#names.alive, node], key: this.#names.alive }).catch(() => {});
    await this.#announce(WENT).catch(() => {});
  }

  #wrap(kind: number, data: Uint8Array = new Uint8Array()): Buffer {
    const body = Buffer.allocUnsafe(1 + data.byteLength);
    body[0] = kind;
    body.set(data, 1);
    return encodeEnvelope({ kind: "control", node: this.#options.node, data: body });
  }

  async #announce(kind: number): Promise<void> {
    const { driver } = this.#options;
    await driver.call(driver.publication(this.#names.all, this.#wrap(kind)));
  }

  /** Returns the id of the newest entry that is kept. */
  async #lease(): Promise<string> {
    const { driver, node } = this.#options;
    const publish = driver.sharded ? "SPUBLISH" : "PUBLISH";
    const args = [node, LEASE_MS, publish, this.#names.all, this.#wrap(GONE)];
    const reply = await driver.call({ script: leaseScript, keys: [this.#names.alive, this.#names.kept], args });
    const [nodes, top] = replyArray(reply);
    if (this.#state !== "closed")
      this.#roster.set(
        replyArray(nodes)
          .map(replyText)
          .filter((name) => isNodeName(name)),
      );
    return replyText(top);
  }

  /** Never rejects. A second call while one is under way is made up for when that is over. */
  #renew(): Promise<void> {
    if (this.#renewing !== undefined) {
      this.#isAgain = true;
      return this.#renewing;
    }
    const once = async (): Promise<void> => {
      try {
        this.#catchUp(await this.#lease());
        this.#lastReport = "";
      } catch (error) {
        this.#complain(error);
      }
    };
    this.#renewing = once().finally(() => {
      this.#renewing = undefined;
      if (!this.#isAgain || this.#state !== "started") return;
      this.#isAgain = false;
      void this.#renew();
    });
    return this.#renewing;
  }

  /** What was there a while ago, and no message has led to, is read now. What is newer may be on its way, in its order. */
  #catchUp(top: string): void {
    const now = this.#options.clock.now();
    const { upTo, at } = this.#overdue;
    if (now - at < RENEW_MS / 2) return;
    if (isAfter(upTo, this.#lastKept)) this.#inTurn(() => this.#read(upTo));
    this.#overdue = { upTo: top, at: now };
  }

  /** What is told keeps its order, though some of it must be read first. */
  #inTurn(run: () => Promise<void> | void): void {
    if (this.#isReading) {
      this.#behind.push(run);
      return;
    }
    const reading = run();
    if (reading === undefined) return;
    this.#isReading = true;
    void reading.then(() => {
      this.#isReading = false;
      const waiting = this.#behind.splice(0);
      // Those behind the next one that must be read wait again.
      for (const next of waiting) if (this.#state === "started") this.#inTurn(next);
    });
  }

  /** Never rejects. */
  async #read(upTo: string): Promise<void> {
    if (upTo !== "+" && !isAfter(upTo, this.#lastKept)) return;
    const { driver, node, told } = this.#options;
    try {
      for (let seen = READ_AT_ONCE; seen === READ_AT_ONCE;) {
        const args = [this.#lastKept, node, READ_AT_ONCE, upTo];
        const [last, count, found] = replyArray(await driver.call({ script: keptScript, keys: [this.#names.kept], args }));
        this.#lastKept = replyText(last);
        seen = replyNumber(count);
        const entries = replyArray(found);
        for (let at = 0; at + 1 < entries.length; at += 2) {
          const [from, data] = [replyText(entries[at]), entries[at + 1]];
          if (this.#state === "started" && isNodeName(from) && Buffer.isBuffer(data)) told(from, data);
        }
      }
    } catch (error) {
      this.#complain(error);
    }
  }

  /** That Redis is away the driver tells. What it refuses is told once, not each second. */
  #complain(error: unknown): void {
    if (!(error instanceof RedisReplyError) || error.message === this.#lastReport) return;
    this.#lastReport = error.message;
    this.#options.report(new Error(`Redis refuses what keeps the nodes (${this.#names.alive}, ${this.#names.kept}): ${error.message}`));
  }
}

/** Ids of a stream: `<milliseconds>-<number>`. */
function isAfter(one: string, other: string): boolean {
  const [oneMs = 0, oneNumber = 0] = one.split("-").map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split("-").map(Number);
  return oneMs > otherMs || (oneMs === otherMs && oneNumber > otherNumber);
}
