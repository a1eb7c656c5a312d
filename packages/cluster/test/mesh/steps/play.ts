import type { Broker } from "@upwire/cluster/broker";
import { meshBrokerIn } from "../../../src/mesh/mesh-broker.ts";
import { Follower } from "../rounds/follower.ts";
import { Network } from "./network.ts";
import { Process, type Time } from "./process.ts";

const history = { messages: 10_000, bytes: 1e7, ageMs: 600_000 };
const TOPICS = ["a", "b"] as const;
/** Publications of all nodes together while the hand-over goes on. */
const PUBLICATIONS = 30;
/** Everything must be over by then. Milliseconds. */
const END_MS = 60_000;
/** A publish is answered within so long, also when another node has just come to harm. Milliseconds. */
const ANSWER_MS = 15_000;

/** What comes to one node: it is killed, or stands still for so long, before a write of so many. */
export interface Harm {
  readonly who: "home" | "heir" | "third";
  readonly write: number;
  /** Milliseconds. `Infinity`: it is killed. */
  readonly stillMs: number;
}

/** What was wrong; nothing should be. `harmed`: the nodes that came to harm before the hand-over was over. */
export interface Outcome {
  readonly faults: readonly string[];
  readonly harmed: number;
  /** Acknowledged publications that a node did not get, and was told so. */
  readonly told: number;
  readonly begunAnew: number;
}

/** A node of a run. */
class Node {
  readonly name: string;
  readonly process: Process;
  readonly broker: Broker;
  readonly followers: Map<string, Follower> = new Map();
  readonly answered: string[] = [];
  waiting = 0;
  #last = 0;

  constructor(name: string, node: string, process: Process, network: Network) {
    this.name = name;
    this.process = process;
    this.broker = meshBrokerIn({ clock: process.clock, folder: "/steps" }, { node, placesIn: () => network.places(node, process) });
  }

  async start(seen: (topic: string, position: { readonly epoch: string; readonly offset: number }, data: string) => void): Promise<void> {
    const { broker, followers, process } = this;
    const retry = (ms: number): Promise<void> => new Promise((resolve) => void process.clock.after(ms, resolve));
    for (const topic of TOPICS) followers.set(topic, new Follower(broker, topic, retry));
    await broker.start({
      message: (topic, publication) => {
        if (publication.position !== undefined) seen(topic, publication.position, String(publication.data));
        followers.get(topic)?.message(publication);
      },
      top: (topic, position) => followers.get(topic)?.top(position),
      gap: () => {},
      state: () => {},
      told: () => {},
      nodes: () => {},
    });
    for (const [topic, follower] of followers) {
      const position = await broker.subscribe(topic, { history });
      if (position !== undefined) follower.begin(position);
    }
  }

  publish(seen: (topic: string, position: { readonly epoch: string; readonly offset: number }, data: string) => void): Promise<boolean> {
    const number = this.#last++;
    const topic = TOPICS[number % TOPICS.length] ?? "a";
    const data = `${this.name}:${number}`;
    this.waiting++;
    return this.broker.publish(topic, data, { history }).then(
      ({ position }) => {
        this.waiting--;
        // The turn in which a process is killed goes on here, and not in a real one.
        if (this.process.state === "killed") return false;
        if (position !== undefined) seen(topic, position, data);
        this.answered.push(`${topic}/${data}`);
        return true;
      },
      () => {
        this.waiting--;
        return false;
      },
    );
  }
}

/**
 * Four nodes publish, and follow all topics, while the home closes and the nodes named in `harms` come to harm. What happens next is always one of the things
 * that can, picked by `below`; time moves only when nothing else can happen.
 */
export async function play(harms: readonly Harm[], below: (limit: number) => number): Promise<Outcome> {
  const time: Time = { now: 1000 };
  const network = new Network();
  const faults: string[] = [];
  const holders = new Map<string, string>();
  const nodes: Node[] = [];
  const wakes: { readonly at: number; readonly run: () => void }[] = [];
  const seen = (topic: string, { epoch, offset }: { readonly epoch: string; readonly offset: number }, data: string): void => {
    const position = `${topic} ${epoch} ${offset}`;
    const holder = holders.get(position) ?? data;
    holders.set(position, holder);
    if (holder !== data) faults.push(`${position} is ${holder} and ${data}`);
  };
  /** One step. @returns whether anything could happen before `end`. */
  const step = async (end: number): Promise<boolean> => {
    // A process hears of several things in one turn of its event loop.
    if (below(3) === 0 || network.happenings().length === 0) await turn();
    const happenings = network.happenings();
    const wake = wakes.toSorted((a, b) => a.at - b.at)[0];
    const due = nodes.map(({ process }) => process).toSorted((a, b) => a.nextAt - b.nextAt)[0];
    // After a standstill what was read and what was due come in any order.
    const isOverdue = due !== undefined && due.nextAt <= time.now && below(2) === 0;
    if (happenings.length > 0 && !isOverdue) {
      happenings[below(happenings.length)]?.();
      return true;
    }
    const at = Math.max(time.now, Math.min(wake?.at ?? Infinity, due?.nextAt ?? Infinity));
    if (at > end) return false;
    time.now = at;
    if (wake !== undefined && wake.at <= at) {
      wakes.splice(wakes.indexOf(wake), 1);
      wake.run();
    } else due?.runTimer();
    return true;
  };
  const until = async (what: string, holds: () => boolean, withinMs: number): Promise<void> => {
    const end = time.now + withinMs;
    while (!holds() && (await step(end))) if (time.now > end) break;
    if (!holds()) faults.push(`${what}: not within ${withinMs} ms`);
  };
  const done = async (what: string, promise: Promise<unknown>, withinMs: number = END_MS): Promise<void> => {
    let isDone = false;
    void promise.then(() => void (isDone = true));
    await until(what, () => isDone, withinMs);
  };

  // Names decide between nodes of one rank, and between two that connect to each other.
  const letters = ["a", "b", "c", "d"];
  for (const name of ["home", "heir", "third", "last"]) {
    const [letter] = letters.splice(below(letters.length), 1);
    const node = new Node(name, `${letter}-${name}-000`, new Process(time), network);
    nodes.push(node);
    await done(`${name} starts`, node.start(seen));
  }
  const alive = (): Node[] => nodes.filter(({ process, broker }) => process.state !== "killed" && broker.state() !== "down");
  await done("the first publishes", Promise.all(nodes.map((node) => node.publish(seen))));

  let harmed = 0;
  for (const { who, write, stillMs } of harms) {
    nodes
      .find(({ name }) => name === who)
      ?.process.harmAt(write, (process) => {
        harmed++;
        if (stillMs === Infinity) {
          process.kill();
          network.killed(process);
        } else {
          process.stop();
          wakes.push({ at: time.now + stillMs, run: () => process.goOn() });
        }
      });
  }
  let hasClosed = false;
  const [home] = nodes;
  if (home === undefined) throw new Error("there is no node");
  void home.broker.close().then(() => {
    hasClosed = true;
    home.process.kill();
    network.killed(home.process);
  });
  for (let published = 0; published < PUBLICATIONS; published++) {
    const publishers = alive();
    void publishers[below(publishers.length)]?.publish(seen);
    for (let steps = below(12); steps > 0; steps--) await step(time.now + 100);
  }
  await until("the home closes", () => hasClosed || home.process.state === "killed", END_MS);
  await until("all go on", () => alive().every(({ process }) => process.state === "works"), END_MS);
  await until("all is answered", () => alive().every(({ waiting }) => waiting === 0), ANSWER_MS);
  for (const { process } of nodes) process.spare();
  // A node that went on a moment ago may be taken for dead still, which rejects what it publishes.
  for (let tries = 0; ; tries++) {
    const last = alive().map((node) => node.publish(seen));
    let outcomes: boolean[] = [];
    await done(
      "the last publishes",
      Promise.all(last).then((all) => void (outcomes = all)),
      ANSWER_MS,
    );
    if (outcomes.length > 0 && outcomes.every(Boolean)) break;
    const later = time.now + 1000;
    while (time.now < later && (await step(later)));
    if (tries === 8) {
      faults.push("publishes are rejected for ever");
      break;
    }
  }
  const end = time.now + 3000;
  while (time.now < end && (await step(end)));

  const verdict = judged(nodes, alive(), faults);
  for (const node of alive()) node.process.kill();
  return { faults, harmed, ...verdict };
}

/** Everything that was answered has come to all that are there, once, and in the order of its publisher. */
function judged(nodes: readonly Node[], judges: readonly Node[], faults: string[]): { readonly told: number; readonly begunAnew: number } {
  const answered = nodes.flatMap((node) => node.answered);
  let [told, begunAnew] = [0, 0];
  for (const { name, followers } of judges) {
    for (const [topic, follower] of followers) {
      begunAnew += follower.begunAnew;
      if (new Set(follower.came).size < follower.came.length) faults.push(`${name} got something of ${topic} twice: ${follower.came.join()}`);
      for (const each of answered) {
        if (!each.startsWith(`${topic}/`)) continue;
        const loss = follower.lossOf(each.slice(topic.length + 1));
        if (loss === "told") told++;
        else if (loss === "untold") faults.push(`${name} did not get ${each}: ${follower.came.join()}`);
      }
    }
  }
  return { told, begunAnew };
}

/** What follows from what has just happened, happens. */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => void setImmediate(resolve));
}
