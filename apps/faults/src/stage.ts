import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Child } from "./child.ts";
import type { Evidence } from "./judge/log.ts";
import { Ledger } from "./ledger.ts";
import type { Engine, NodeApi, NodeNote, NodeSettings } from "./node/api.ts";
import { nowMs } from "./now.ts";
import type { Pace } from "./traffic.ts";
import type { Progress, VisitorsApi, VisitorsNote, VisitorsSettings } from "./visitors/api.ts";

const NODE_PROGRAM = new URL("./node/main.js", import.meta.url);
const VISITORS_PROGRAM = new URL("./visitors/main.js", import.meta.url);

/** Clients are there, or it is a failure. Milliseconds. */
const SUBSCRIBED_WITHIN_MS = 15_000;
/** After the last publish: a loss has to be told within 5 s. Milliseconds. */
const TOLD_WITHIN_MS = 6000;
/** All has come, and nothing comes any more. Milliseconds. */
const QUIET_MS = 250;
const POLL_MS = 25;

export interface StageNode {
  readonly name: string;
  readonly engine: Engine;
  readonly port: number;
  readonly child: Child<NodeApi>;
}

export interface StageSettings {
  /** One for each node: they may differ by the way to the broker. */
  readonly engines: readonly Engine[];
  readonly perServer: number;
  readonly speakers: number;
  readonly pace: Pace;
}

/** What a node said about its broker. */
interface StateChange {
  readonly node: string;
  readonly state: string;
  readonly at: number;
}

/** The nodes and clients of one round, and what they wrote down. */
export class Stage {
  readonly ledger: Ledger = new Ledger();
  readonly states: StateChange[] = [];
  /** Unhandled rejections and uncaught errors. */
  readonly uncaught: string[] = [];
  readonly reported: string[] = [];
  /** Processes that ended by themselves. */
  readonly exits: string[] = [];
  readonly nodes: StageNode[] = [];
  hurtAt = 0;
  healedAt = 0;
  readonly #settings: StageSettings;
  #visitors: Child<VisitorsApi> | undefined;
  #isPublishing = false;
  #started = 0;

  private constructor(settings: StageSettings) {
    this.#settings = settings;
  }

  /** Fulfils when every client is subscribed. */
  static async start(settings: StageSettings): Promise<Stage> {
    const stage = new Stage(settings);
    try {
      const [first, ...others] = settings.engines;
      // On the mesh the first one keeps the history, so it stands first in the list.
      if (first !== undefined) await stage.startNode(first);
      await Promise.all(others.map((engine) => stage.startNode(engine)));
      await stage.#startVisitors();
      await stage.untilSubscribed();
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  /** One more node; clients that look for a server find it. @throws Error when it does not start. */
  async startNode(engine: Engine): Promise<StageNode> {
    const name = `node-${++this.#started}-${randomUUID().slice(0, 4)}`;
    let refusal: string | undefined;
    const child = await Child.start<NodeApi>(NODE_PROGRAM, { name, engine } satisfies NodeSettings, {
      onNote: (said: NodeNote) => {
        if (said.kind === "refused") refusal = said.what;
        else this.#note(name, said);
      },
      onExit: (how) => {
        if (refusal === undefined) this.exits.push(`${name} ended with ${how}`);
      },
    }).catch((error: unknown) => {
      throw refusal === undefined ? error : new Error(refusal);
    });
    const node = { name, engine, child, port: await child.call("port") };
    this.nodes.push(node);
    await this.#setPorts();
    if (this.#isPublishing) await child.call("publish", this.#settings.pace);
    return node;
  }

  async killNode(node: StageNode): Promise<void> {
    this.#remove(node);
    await node.child.kill();
    await this.#setPorts();
  }

  /** It ends in order: its clients are sent away, and its process ends when it has nothing left to do. */
  async drainNode(node: StageNode, how: { readonly spreadMs: number; readonly retryAfterMs: number }): Promise<void> {
    this.#remove(node);
    await this.#setPorts();
    await node.child.call("drain", how);
    await node.child.stop();
  }

  async publish(): Promise<void> {
    this.#isPublishing = true;
    await Promise.all([...this.nodes.map(({ child }) => child.call("publish", this.#settings.pace)), this.#clients.call("publish", this.#settings.pace)]);
  }

  /** Until so many publishes are acknowledged in all, or it takes too long. */
  async untilAcknowledged(count: number, withinMs: number): Promise<void> {
    await eventually(() => this.ledger.acknowledged >= count, withinMs);
  }

  /** Every subscription is there. @throws Error when one is not. */
  async untilSubscribed(): Promise<void> {
    let progress: Progress | undefined;
    const isSo = await eventually(async () => {
      progress = await this.#clients.call("progress", {});
      return progress.subscribed === progress.wanted;
    }, SUBSCRIBED_WITHIN_MS);
    if (!isSo) throw new Error(`only ${progress?.subscribed} of ${progress?.wanted} subscriptions are there`);
  }

  /** The fault begins. @returns when that is */
  hurt(): number {
    this.hurtAt = nowMs();
    return this.hurtAt;
  }

  /** The fault is over: from now on gaps can be told, and all has to be well again. */
  heal(): void {
    this.healedAt = nowMs();
  }

  /** Ends publishing, waits for what still comes, and hands over what all publishers and visitors wrote down. */
  async evidence(): Promise<Evidence> {
    this.#isPublishing = false;
    await Promise.all([...this.nodes.map(({ child }) => child.call("hush")), this.#clients.call("hush")]);
    await eventually(async () => {
      const open = await Promise.all(this.nodes.map(({ child }) => child.call("hush")));
      const { open: openOfClients } = await this.#clients.call("progress", {});
      return openOfClients + open.reduce((sum, one) => sum + one, 0) === 0;
    }, TOLD_WITHIN_MS);
    await eventually(async () => {
      const { behind, idleMs } = await this.#clients.call("progress", this.ledger.expected());
      return behind === 0 && idleMs > QUIET_MS;
    }, TOLD_WITHIN_MS);
    return { published: this.ledger.published(), listeners: await this.#clients.call("report"), hurtAt: this.hurtAt || this.healedAt, healedAt: this.healedAt };
  }

  async close(): Promise<void> {
    for (const { child } of this.nodes) child.thaw();
    await Promise.all([...this.nodes.map(({ child }) => child.kill()), this.#visitors?.kill()]);
  }

  get #clients(): Child<VisitorsApi> {
    if (this.#visitors === undefined) throw new Error("there are no clients yet");
    return this.#visitors;
  }

  async #startVisitors(): Promise<void> {
    const { engines, perServer, speakers } = this.#settings;
    const kind = engines[0]?.kind === "socketio" ? "socketio" : "upwire";
    const settings: VisitorsSettings = { kind, ports: this.nodes.map(({ port }) => port), perServer, speakers: kind === "upwire" ? speakers : 0 };
    this.#visitors = await Child.start<VisitorsApi>(VISITORS_PROGRAM, settings, {
      onNote: (said: VisitorsNote) => this.#note("clients", said),
      onExit: (how) => this.exits.push(`the clients ended with ${how}`),
    });
  }

  async #setPorts(): Promise<void> {
    await this.#visitors?.call(
      "setPorts",
      this.nodes.map(({ port }) => port),
    );
  }

  #remove(node: StageNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  #note(from: string, said: Exclude<NodeNote, { kind: "refused" }> | VisitorsNote): void {
    if (said.kind === "begun" || said.kind === "settled") this.ledger.note(said);
    else if (said.kind === "state") this.states.push({ node: from, state: said.state, at: said.at });
    else this[said.kind].push(`${from}: ${said.what}`);
  }
}

/** @returns whether it came to be within the time there is. */
export async function eventually(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline;) {
    if (await isSo()) return true;
    await delay(POLL_MS);
  }
  return false;
}
