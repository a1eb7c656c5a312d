import { isId, type Position, type Since, type WireError } from "@upwire/protocol";
import type { ClientSetup, Frame, PlantView } from "./client-setup.ts";
import { Ledger, TOLD_MS, type ShownState } from "./ledger.ts";
import { canResume, firstKept } from "./resume-window.ts";
import { kindOf, REPLAY_MESSAGES } from "./topics.ts";
import type { Wire } from "./wire.ts";

/** A publish that a client sends until it has an answer. */
export interface ClientPublish {
  readonly topic: string;
  readonly number: number;
  readonly text: Frame;
  readonly key: string | undefined;
  attempts: number;
}

type Asked =
  | { readonly kind: "subscribe"; readonly topic: string; readonly since: Since | undefined; readonly top: Position | undefined }
  | { readonly kind: "unsubscribe"; readonly topic: string }
  | { readonly kind: "publish"; readonly publish: ClientPublish };

type SubscriptionState = "none" | "asked" | "live" | "leaving";

/** What one client knows of one topic. */
export interface ReaderTopic {
  readonly name: string;
  readonly ledger: Ledger;
  state: SubscriptionState;
  position: Position | undefined;
}

interface SubscribedPayload {
  readonly epoch?: string;
  readonly offset?: number;
  readonly after?: number;
  readonly resumed: boolean;
  readonly state?: ShownState;
}

interface GapPayload {
  readonly after?: number;
  readonly epoch?: string;
  readonly offset?: number;
  readonly state?: ShownState;
}

/** The rules of upwire.v1 for a client, and nothing more: what it reads it tells its ledgers. */
export class Reader {
  readonly topics = new Map<string, ReaderTopic>();
  readonly #setup: ClientSetup;
  #wire: Wire | undefined;
  #asked = new Map<number, Asked>();
  #nextId = 1;
  #hasHello = false;
  #notes = new Map<string, unknown>();
  /** Called with a publish that has to be sent again, or was answered. */
  readonly #done: (publish: ClientPublish, outcome: "answered" | "unavailable" | "lost") => void;

  constructor(setup: ClientSetup, done: (publish: ClientPublish, outcome: "answered" | "unavailable" | "lost") => void) {
    this.#setup = setup;
    this.#done = done;
  }

  get unanswered(): number {
    return this.#asked.size;
  }

  topic(name: string): ReaderTopic {
    let topic = this.topics.get(name);
    if (topic === undefined) {
      const { name: owner, ...setup } = this.#setup;
      topic = {
        name,
        ledger: new Ledger({ ...setup, owner, topic: name, tellsLate: this.#setup.policy === "drop-oldest" }),
        state: "none",
        position: undefined,
      };
      this.topics.set(name, topic);
    }
    return topic;
  }

  connected(wire: Wire): void {
    this.#wire = wire;
    this.#hasHello = false;
    this.#notes = new Map();
    this.#nextId = 1;
  }

  disconnected(): void {
    this.#wire = undefined;
    for (const topic of this.topics.values()) topic.state = "none";
    const asked = [...this.#asked.values()];
    this.#asked = new Map();
    for (const ask of asked) if (ask.kind === "publish") this.#done(ask.publish, "lost");
  }

  subscribe(name: string, since: Since | undefined): void {
    const { truth } = this.#setup;
    const topic = this.topic(name);
    topic.state = "asked";
    const id = this.#ask({ kind: "subscribe", topic: name, since, top: truth.position(name) });
    this.#send({ type: "upwire.subscribe", id, topic: name, ...(since && { since }) });
  }

  unsubscribe(name: string): void {
    this.topic(name).state = "leaving";
    this.#send({ type: "upwire.unsubscribe", id: this.#ask({ kind: "unsubscribe", topic: name }), topic: name });
  }

  publish(publish: ClientPublish): void {
    publish.attempts++;
    const { text, topic, key } = publish;
    this.#send({ ...text, topic, id: this.#ask({ kind: "publish", publish }), ...(key !== undefined && { key }) });
  }

  read(text: string): void {
    if (this.#setup.journal.trace !== undefined) this.#setup.journal.note(`${this.#setup.name} < ${text.slice(0, 120)}`);
    const frame = JSON.parse(text) as Frame;
    const { plant } = this.#setup;
    for (const each of plant.toClient?.(frame, this.#view()) ?? [frame]) this.#take(each);
  }

  /** When all is quiet. */
  settle(): void {
    const { journal, name } = this.#setup;
    const [first] = this.#asked.values();
    if (first !== undefined)
      journal.fail("reply missing", `${name} got no reply to ${first.kind} ${first.kind === "publish" ? first.publish.number : first.topic}`);
    for (const topic of this.topics.values()) if (topic.state === "live") topic.ledger.settle();
  }

  #view(): PlantView {
    const { name: client, truth } = this.#setup;
    const positionOf = (topic: string): Position | undefined => this.topics.get(topic)?.position;
    return {
      client,
      isTaking: this.#wire?.isTaking === true,
      pauses: this.#wire?.pauses ?? 0,
      positionOf,
      epochOf: (topic) => truth.current(topic)?.epoch,
      notes: this.#notes,
    };
  }

  #send(frame: Frame): void {
    const { plant } = this.#setup;
    if (this.#setup.journal.trace !== undefined) this.#setup.journal.note(`${this.#setup.name} > ${JSON.stringify(frame).slice(0, 120)}`);
    this.#wire?.send(JSON.stringify(plant.toServer?.(frame, this.#view()) ?? frame));
  }

  #ask(asked: Asked): number {
    const id = this.#nextId++;
    this.#asked.set(id, asked);
    return id;
  }

  #take(frame: Frame): void {
    const { journal, name } = this.#setup;
    const { type, re, topic } = frame;
    if (!this.#hasHello) {
      if (type !== "upwire.hello") journal.fail("reply wrong", `${name} got ${JSON.stringify(frame)} before hello`);
      this.#hasHello = true;
      return;
    }
    if (re !== undefined) return this.#reply(re, frame);
    if (type === "upwire.gap") return this.#gap(String(topic), frame["payload"] as GapPayload);
    if (typeof topic === "string") return this.#publication(topic, frame);
    if (type === "upwire.reconnect") return;
    journal.fail("error of the server", `${name} got ${JSON.stringify(frame)}`);
  }

  #reply(re: unknown, { payload, error }: Frame): void {
    const { journal, name } = this.#setup;
    const asked = this.#asked.get(re as number);
    if (asked === undefined) return journal.fail("reply wrong", `${name} got a reply to ${String(re)}, which it does not wait for`);
    this.#asked.delete(re as number);
    if (error !== undefined) return this.#refused(asked, error as WireError);
    if (asked.kind === "publish") return this.#published(asked.publish, payload as { readonly offset?: number } | undefined);
    const topic = this.topic(asked.topic);
    if (asked.kind === "unsubscribe") {
      if (topic.state === "leaving") topic.state = "none";
      return;
    }
    if (topic.state === "asked") topic.state = "live";
    this.#subscribed(topic, asked, payload as SubscribedPayload);
  }

  #refused(asked: Asked, { code }: WireError): void {
    const { journal, counts, name, isExact } = this.#setup;
    if (code === "unavailable") counts.unavailable++;
    if (asked.kind === "publish" && code === "unavailable") return this.#done(asked.publish, "unavailable");
    if (asked.kind === "subscribe" && (code === "replaced" || (code === "unavailable" && !isExact))) {
      const topic = this.topic(asked.topic);
      const isLast = [...this.#asked.values()].every((other) => other.kind === "publish" || other.topic !== asked.topic);
      if (isLast && topic.state === "asked") topic.state = "none";
      return;
    }
    journal.fail("reply wrong", `${name} was told ${code} for ${asked.kind} ${asked.kind === "publish" ? asked.publish.number : asked.topic}`);
  }

  #published(publish: ClientPublish, payload: { readonly offset?: number } | undefined): void {
    const { journal, truth, name } = this.#setup;
    const facts = truth.of(publish.number);
    const hasHistory = kindOf(publish.topic).history !== undefined;
    // A first try was delivered here, and nowhere else.
    if (!hasHistory && publish.attempts === 1) truth.expect(publish.topic, publish.number);
    const isTrue = hasHistory ? facts.some(({ offset }) => offset === payload?.offset) : payload?.offset === undefined;
    if (!isTrue) journal.fail("reply wrong", `${name} was told the offset ${payload?.offset} for number ${publish.number}`);
    this.#done(publish, "answered");
  }

  #subscribed(topic: ReaderTopic, { since, top }: Extract<Asked, { kind: "subscribe" }>, payload: SubscribedPayload): void {
    const { journal, truth, counts, name, now, plant, isExact } = this.#setup;
    const { epoch, offset, after, resumed, state } = payload;
    const told = `${name} was told ${JSON.stringify(payload)} for ${topic.name} since ${JSON.stringify(since)}`;
    if (kindOf(topic.name).hasState !== (state !== undefined) && !resumed) journal.fail("reply wrong", `${told}: state`);
    if (kindOf(topic.name).history === undefined) {
      if (epoch !== undefined || resumed) journal.fail("reply wrong", told);
      return topic.ledger.begin(undefined, state);
    }
    if (epoch === undefined || !isOffset(offset) || !isOffset(after) || after > offset) return journal.fail("reply wrong", told);
    const history = truth.epoch(topic.name, epoch);
    if (history === undefined || offset > history.top || (isExact && top?.epoch === epoch && offset < top.offset)) journal.fail("reply wrong", told);
    const position = { epoch, offset: after };
    if (since !== undefined && "epoch" in since) {
      const mustResume = canResume(truth, topic.name, since, now());
      if (mustResume && !resumed && !truth.wasUnreadable(topic.name, now() - TOLD_MS)) journal.fail("resume refused", told);
      if (resumed && since.epoch !== epoch) journal.fail("resume false", `${told}: another epoch`);
      if (resumed && after !== since.offset) journal.fail("resume false", `${told}: it must go on at ${since.offset}`);
      if (mustResume && resumed) counts.resumed++;
      if (mustResume && resumed && offset > after) counts.replayed++;
      if (!resumed) counts.refused++;
      if (!resumed && since.epoch !== epoch) counts.foreignEpochs++;
    } else if (since !== undefined) {
      if (!resumed) journal.fail("resume refused", told);
      // What is kept now was kept then.
      const most = Math.max(firstKept(truth, topic.name, epoch, now()) - 1, offset - Math.min(since.last, REPLAY_MESSAGES));
      if (after > most || offset - after > since.last) journal.fail("resume false", `${told}: it should begin at ${most} or before`);
    } else if (resumed) journal.fail("resume false", told);
    if (!resumed && state === undefined && after !== offset) journal.fail("reply wrong", told);
    topic.position = plant.movesByReply === true ? { epoch, offset } : position;
    if (resumed && since !== undefined && "epoch" in since) topic.ledger.resume(position);
    else topic.ledger.begin(position, state);
  }

  #gap(name: string, { after, epoch, offset, state }: GapPayload): void {
    const topic = this.#subscribedTopic(name, "a gap");
    const to = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
    topic.ledger.gap({ after, to, state });
    if (to !== undefined) topic.position = to;
  }

  #publication(name: string, { offset, payload }: Frame): void {
    const { journal, counts, truth } = this.#setup;
    const topic = this.#subscribedTopic(name, `the publication ${String(offset)}`);
    const { number } = payload as { readonly number: number };
    for (const asked of this.#asked.values()) {
      if (asked.kind !== "publish" || asked.publish.number !== number || asked.publish.attempts > 1) continue;
      journal.fail("reply missing", `${this.#setup.name} got its own publication ${number} in ${name} before its reply`);
    }
    if (kindOf(name).history === undefined) {
      if (offset !== undefined) journal.fail("wrong content", `${this.#setup.name} got an offset in ${name}, which has no history`);
      return topic.ledger.deliver(number);
    }
    const { position } = topic;
    if (position === undefined || !isId(offset)) return journal.fail("wrong content", `${this.#setup.name} got the offset ${String(offset)} in ${name}`);
    if (offset <= position.offset) {
      counts.dropped++;
      return;
    }
    if (offset > position.offset + 1) {
      counts.ignored++;
      return;
    }
    if (truth.at(name, { epoch: position.epoch, offset })?.number !== number)
      journal.fail("wrong content", `${this.#setup.name} got number ${number} as ${position.epoch} ${offset} of ${name}`);
    topic.position = { epoch: position.epoch, offset };
    topic.ledger.deliver(number);
  }

  #subscribedTopic(name: string, what: string): ReaderTopic {
    const topic = this.topics.get(name);
    if (topic?.state === "live" || topic?.state === "leaving") return topic;
    return this.#setup.journal.fail("not subscribed", `${this.#setup.name} got ${what} of ${name}, which is ${topic?.state ?? "unknown"}`);
  }
}

function isOffset(value: unknown): value is number {
  return value === 0 || isId(value);
}
