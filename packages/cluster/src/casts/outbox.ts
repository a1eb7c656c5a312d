import type { Clock } from "@upwire/core";
import { ByteWriter } from "./byte-writer.ts";
import { ItemKind, VERSION, writeItem, type Run } from "./control.ts";
import type { PendingCast } from "./pending-cast.ts";
import { MAX_CHECKED, Receipts } from "./receipts.ts";
import { runsOf, writeRuns } from "./runs.ts";

/** Nodes whose casts are remembered here, at most; of too many the one that came first is forgotten. */
const MAX_NODES = 1024;
/** So many messages may wait for the broker to take them over; what would be the next is thrown away. */
const MAX_UNTAKEN = 256;
/** A message is not made longer than about this. Bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;

interface OutboxSetup {
  readonly tell: (node: string | undefined, data: Uint8Array) => Promise<void>;
  readonly clock: Clock;
}

/** What this node tells others about casts. All of a turn of the event loop goes to each node as one message. */
export class Outbox {
  /** Messages that were not told, since the broker did not take them, and casts over the most that a turn has time for. */
  refused = 0;
  readonly #setup: OutboxSetup;
  /** By the node whose casts they are. */
  readonly #receipts = new Map<string, Receipts>();
  /** The nodes that get answers at the end of this turn. */
  #answered = new Set<string>();
  /** The casts that did not come, by the node that asked. */
  #absences = new Map<string, number[]>();
  /** The casts whose answers are missing, by the node that is asked; `undefined` stands for all others. */
  #checks = new Map<string | undefined, PendingCast[]>();
  #flush: NodeJS.Immediate | undefined;
  /** So many casts may still be asked about in this turn: a few bytes ask about a million, and each costs time and memory. */
  #leftToCheck = MAX_CHECKED;
  #untaken = 0;

  constructor(setup: OutboxSetup) {
    this.#setup = setup;
  }

  /** A cast of `node` has come here. */
  answer(node: string, cast: number, took: number): void {
    if (this.#receiptsOf(node).add(cast, took)) this.#mustTell(node);
  }

  /** Answers about casts of `node` once more. @returns the casts that have not come; of casts over the most of a turn it says nothing. */
  repeat(node: string, checked: readonly Run[]): number[] {
    const asked = checked.reduce((sum, { count }) => sum + count, 0);
    if (asked > this.#leftToCheck) this.refused++;
    const absent = this.#receiptsOf(node).repeat(checked, this.#leftToCheck);
    this.#leftToCheck = Math.max(0, this.#leftToCheck - asked);
    this.#mustTell(node);
    return absent;
  }

  /** These casts of `node` will not come: their address has no members here. */
  absent(node: string, casts: readonly number[]): void {
    const noted = this.#absences.get(node);
    if (noted === undefined) this.#absences.set(node, [...casts]);
    else for (const cast of casts) noted.push(cast);
    this.#flushLater();
  }

  /** Asks `node`, or all others, whether the cast has come. */
  check(node: string | undefined, cast: PendingCast): void {
    const noted = this.#checks.get(node);
    if (noted === undefined) this.#checks.set(node, [cast]);
    else noted.push(cast);
    this.#flushLater();
  }

  /** Forgets a node that is gone. */
  forget(node: string): void {
    this.#receipts.delete(node);
    this.#answered.delete(node);
    this.#absences.delete(node);
    this.#checks.delete(node);
  }

  /** Tells what there is to tell now. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#leftToCheck = MAX_CHECKED;
    const [answered, absences, checks] = [this.#answered, this.#absences, this.#checks];
    this.#answered = new Set();
    this.#absences = new Map();
    this.#checks = new Map();
    for (const node of answered) this.#tellOne(node, ItemKind["answers"], (content) => this.#receipts.get(node)?.write(content, this.#setup.clock.now()));
    for (const [node, casts] of absences) this.#tellOne(node, ItemKind["absences"], (content) => writeRuns(content, runsOf(casts)));
    for (const [node, casts] of checks) this.#tellChecks(node, casts);
  }

  close(): void {
    clearImmediate(this.#flush);
    for (const kept of [this.#receipts, this.#answered, this.#absences, this.#checks]) kept.clear();
  }

  #receiptsOf(node: string): Receipts {
    const known = this.#receipts.get(node);
    if (known !== undefined) return known;
    const receipts = new Receipts();
    if (this.#receipts.size >= MAX_NODES) for (const oldest of this.#receipts.keys()) if (this.#receipts.delete(oldest)) break;
    this.#receipts.set(node, receipts);
    return receipts;
  }

  #mustTell(node: string): void {
    this.#answered.add(node);
    this.#flushLater();
  }

  #flushLater(): void {
    this.#flush ??= setImmediate(() => this.flush());
  }

  #tellChecks(node: string | undefined, casts: readonly PendingCast[]): void {
    const byAddress = new Map<string, number[]>();
    for (const { address, number } of casts) {
      const numbers = byAddress.get(address);
      if (numbers === undefined) byAddress.set(address, [number]);
      else numbers.push(number);
    }
    const content = new ByteWriter();
    const send = (): void => this.#tellOne(node, ItemKind["checks"], (item) => item.bytes(content.take()));
    for (const [address, numbers] of byAddress) {
      const runs = runsOf(numbers);
      content.text(address);
      content.number(runs.length);
      writeRuns(content, runs);
      if (content.length > MAX_MESSAGE_BYTES) send();
    }
    send();
  }

  #tellOne(node: string | undefined, kind: number, write: (content: ByteWriter) => void): void {
    const content = new ByteWriter();
    write(content);
    if (content.length === 0) return;
    if (this.#untaken >= MAX_UNTAKEN) return void this.refused++;
    const message = new ByteWriter();
    message.number(VERSION);
    writeItem(message, kind, content.take());
    this.#untaken++;
    this.#setup.tell(node, message.take()).then(
      () => void this.#untaken--,
      () => {
        this.#untaken--;
        this.refused++;
      },
    );
  }
}
