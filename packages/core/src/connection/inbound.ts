import type { CloseInfo } from "../base/close-code.ts";
import type { ConnectionEvents, Leaving } from "./connection-events.ts";
import type { ConnectionSetup } from "./connection-setup.ts";
import type { ConnectionError } from "../base/errors.ts";
import { Hold } from "../send/pause-reason.ts";
import { messageCut, StreamedMessage } from "../wire/incoming-stream.ts";
import { Inbox } from "./inbox.ts";
import type { Message } from "../wire/message.ts";
import { inNoContext } from "../base/no-context.ts";
import { StreamInbox } from "./stream-inbox.ts";
import { Reading, type ReadingLife } from "./reading.ts";

/** What the inbound half of a connection asks of its life. */
export interface InboundLife extends ReadingLife {
  readonly closeInfo: CloseInfo | undefined;
  /** Starts the deadline of an async `open`. */
  awaitOpen(): void;
  /** Ends that deadline. */
  openingOver(): void;
}

/** What only few connections need. It is in an object of its own, so that an idle connection stays small. */
interface Rare {
  /** What ended the connection before `open` had settled. */
  readonly error?: ConnectionError;
  /** Called behind the `close` hook, when the connection was over before `open` had settled. */
  readonly closed?: ((lastHook: Promise<void> | undefined) => void) | undefined;
  /** Settles when the last of its hooks has, if that is async. */
  readonly lastHook?: Promise<void> | undefined;
}

/** What has happened already, as bits. */
const Past = {
  /** `open` has settled: the handler is told of everything else. */
  opened: 1,
  /** From now on messages are pulled. */
  pulled: 2,
  /** The hook `leaving` was told. */
  leaving: 4,
} as const;

/**
 * The inbound half of a connection: its messages on their way to the handler or to the loop that pulls them, and the
 * reasons for which nothing is read. Reading stops while messages wait here, so they are no more than one read brought.
 */
export class Inbound<Owner extends object> extends Reading<InboundLife> {
  /** The connection that users hold. */
  readonly owner: Owner;
  /** Runs the handler, if there is one. */
  readonly #events: ConnectionEvents<Inbound<Owner>> | undefined;
  /** Bits of `Past`. */
  #past = 0;
  /** Made when a message cannot be handed on at once, is pulled, comes as a stream, or has an async hook that counts. */
  #inbox: Inbox<Message | StreamedMessage> | undefined;
  #rare: Rare | undefined;

  constructor(setup: ConnectionSetup, life: InboundLife, owner: Owner, events: ConnectionEvents<Inbound<Owner>> | undefined) {
    super(setup, life);
    this.owner = owner;
    this.#events = events;
  }

  /** Settles when the last of its hooks has, if that is async. Never rejects. */
  get lastHook(): Promise<void> | undefined {
    return this.#rare?.lastHook;
  }

  set lastHook(lastHook: Promise<void> | undefined) {
    if (lastHook !== undefined || this.#rare !== undefined) this.#rare = { ...this.#rare, lastHook };
  }

  /** Whether messages come as streams. */
  get streams(): boolean {
    return this.#events?.streams === true;
  }

  get #isOpened(): boolean {
    return (this.#past & Past.opened) !== 0;
  }

  get #isPulled(): boolean {
    return (this.#past & Past.pulled) !== 0;
  }

  fail(error: ConnectionError): void {
    this.life.fail(error);
  }

  // What the transport tells.

  message(message: Message): void {
    this.throttle?.charge(message.byteLength);
    if (this.#takesNow()) return this.#events?.message(this, message);
    this.#inboxNow().put(message);
    this.#steerReading();
  }

  stream(message: StreamedMessage): void {
    this.throttle?.charge(0);
    if (!this.life.isOpen) return message.fail(messageCut());
    this.#inboxNow().put(message);
    this.#handOut();
  }

  streamBytes(bytes: number): void {
    this.throttle?.chargeBytes(bytes);
  }

  ping(data: Buffer): void {
    this.throttle?.charge(data.byteLength);
    if (this.#isOpened) this.#events?.ping(this, data);
  }

  pong(data: Buffer): void {
    this.throttle?.charge(data.byteLength);
    if (this.#isOpened) this.#events?.pong(this, data);
  }

  drain(): void {
    if (this.#isOpened) this.#events?.drain(this);
  }

  // What its life tells.

  /**
   * The close frame follows, and cannot wait for an `open` that has not settled: this hook does not either.
   * @returns false when it is told already, and may be running.
   */
  leaving(notice: Leaving): boolean {
    if ((this.#past & Past.leaving) !== 0) return false;
    this.#past |= Past.leaving;
    this.#events?.leaving(this, notice);
    return true;
  }

  override closing(error?: ConnectionError): void {
    super.closing();
    this.#inbox?.cut(error);
  }

  failed(error: ConnectionError): void {
    this.#inbox?.clear();
    if (this.#isOpened) this.#events?.error(this, error);
    else this.#rare = { error };
  }

  /** `open` takes too long. */
  late(): void {
    this.#events?.late(this);
  }

  /** The transport brings nothing more. */
  end(): void {
    // A handler gets nothing more. A loop that pulls still takes what is left.
    if (this.#isOpened && !this.#isPulled) this.#inbox?.clear();
    this.#inbox?.end();
    this.throttle?.end();
  }

  /** Tells the handler that the connection is over, once its `open` has settled. */
  closed(info: CloseInfo): void {
    if (this.#isOpened) this.#events?.close(this, info);
  }

  /** `open` has a deadline, and the connection is over before: from now on `lastHook` waits for it. */
  closedBeforeOpen(): void {
    let closed: Rare["closed"];
    const lastHook = new Promise<void>((resolve) => (closed = resolve));
    this.#rare = { ...this.#rare, lastHook, closed };
  }

  // What the run of the handler tells.

  /** `open` is async: nothing is delivered until `deliver`, `openTimeoutMs` or `pull`. */
  waitForOpen(): void {
    if (!this.#isOpened && !this.#isPulled) this.life.awaitOpen();
  }

  /** `open` has settled: hands the messages and events to the handler, the earliest first. Once. */
  deliver(): void {
    const events = this.#events;
    if (this.#isOpened || events === undefined) return;
    this.#past |= Past.opened;
    this.life.openingOver();
    const untold = this.#rare;
    this.#rare = undefined;
    const { closeInfo } = this.life;
    if (untold === undefined && this.#inbox === undefined && closeInfo === undefined) return;
    // `open` ran, and perhaps settled, in the context of the request.
    inNoContext(() => this.#deliver(events, untold, closeInfo));
  }

  #deliver(events: ConnectionEvents<Inbound<Owner>>, untold: Rare | undefined, closeInfo: CloseInfo | undefined): void {
    if (untold?.error !== undefined) events.error(this, untold.error);
    this.#handOut();
    if (closeInfo === undefined) return;
    this.end();
    events.close(this, closeInfo);
    untold?.closed?.(this.lastHook);
  }

  /** An async `message` hook is about to be waited for. Only where `concurrency` is set. */
  began(): void {
    this.#inboxNow().running++;
  }

  /** That hook has settled. */
  settled(): void {
    const inbox = this.#inboxNow();
    inbox.running--;
    if (this.life.isOpen && !inbox.isEmpty) inNoContext(() => this.#handOut());
  }

  // What users call.

  /** From now on messages are pulled, and no handler gets any. @throws Error when they come as streams. */
  pull(): void {
    if (this.streams) throw new Error("The messages of this connection come as streams, to the hook stream of its handler: leave that out to iterate over it");
    this.#past |= Past.pulled;
    this.life.openingOver();
  }

  /** The next message, for a loop that pulls. */
  async take(): Promise<IteratorResult<Message, undefined>> {
    const next = await this.#inboxNow().take();
    this.#steerReading();
    return next as IteratorResult<Message, undefined>;
  }

  pause(): void {
    this.hold(Hold.application);
  }

  resume(): void {
    if (!this.isHeldFor(Hold.application)) return;
    inNoContext(() => {
      // While messages wait, `Hold.inbox` keeps the socket paused.
      this.release(Hold.application);
      this.#handOut();
    });
  }

  /** Whether the handler may get messages at all. */
  get #isReceptive(): boolean {
    return this.#isOpened && !this.#isPulled && !this.isHeldFor(Hold.application);
  }

  /** Whether the handler may get the oldest message that waits. */
  #mayHandOut(inbox: Inbox<Message | StreamedMessage>): boolean {
    return this.#isReceptive && inbox.running < (this.#events?.concurrency ?? 0);
  }

  /** Whether the handler may get a message at once that has just come, so that it need not wait. */
  #takesNow(): boolean {
    const inbox = this.#inbox;
    return inbox === undefined ? this.#isReceptive : this.#mayHandOut(inbox) && inbox.isEmpty && !inbox.isHandingOut;
  }

  #handOut(): void {
    const inbox = this.#inbox;
    // A hook may call `resume`, and then the loop below goes on.
    if (inbox === undefined || inbox.isHandingOut) return;
    inbox.isHandingOut = true;
    const { isOpen } = this.life;
    // After our close frame the client is not there to be answered: what still waits is dropped, like what still comes.
    while (this.life.isOpen === isOpen && this.#mayHandOut(inbox)) {
      const message = inbox.shift();
      if (message === undefined) break;
      if (message instanceof StreamedMessage) this.#events?.stream(this, message);
      else this.#events?.message(this, message);
    }
    inbox.isHandingOut = false;
    this.#steerReading();
  }

  #inboxNow(): Inbox<Message | StreamedMessage> {
    if (this.#inbox === undefined) {
      this.#inbox = this.streams ? new StreamInbox(() => this.#handOut()) : new Inbox();
      if (this.life.closeInfo !== undefined) this.#inbox.end();
    }
    return this.#inbox;
  }

  #steerReading(): void {
    if (this.#inbox?.isEmpty === false) this.hold(Hold.inbox);
    else this.release(Hold.inbox);
  }
}
