import type { Clock, Timer } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { RefusalCode } from "../base/errors.ts";
import { guard, promiseOf } from "../base/guard.ts";
import type { Compression, DeflateParameters } from "../wire/compression.ts";
import { acceptHeaders, type AcceptHeaders } from "./accept-headers.ts";
import { Admission, type AdmissionCaps } from "./admission.ts";
import { checkAnswer, closingRefusal, type CheckAnswer } from "./check-answer.ts";
import type { HeaderValues } from "./given-headers.ts";
import { dispatchedFault, handshakeFault } from "./handshake.ts";
import type { OriginCheck } from "./origin.ts";
import { asksForCheck } from "./question.ts";
import { isWithoutSocket, publishRefusal, refusal, Refusal, withoutConnectionHeaders, withoutSocket, writable } from "./refusal.ts";
import { UpgradeRequest } from "./upgrade-request.ts";

/** A "yes" to an upgrade request. */
export interface Approval<Context, Native = unknown> {
  readonly ok: true;
  readonly status: 101;
  /** Every header of the 101, names in lower case. */
  readonly headers: AcceptHeaders;
  /** What `authorize` returned. */
  readonly context: Context;
  readonly subprotocol: string | undefined;
  readonly deflate: DeflateParameters | undefined;
  readonly request: UpgradeRequest<Native>;
}

type Verdict<Context, Native> = Approval<Context, Native> | Refusal;

/** What becomes of an upgrade request, or the answer to a question about one. */
export type Decision<Context, Native = unknown> = Verdict<Context, Native> | CheckAnswer;

/** A check may answer later. */
export type Awaitable<T> = T | Promise<T>;

/** What a route asks of every request, and what it puts on its answer. */
export interface Checks<Context, Native> {
  /** `undefined` when every host is allowed. */
  readonly checkHost: ((request: UpgradeRequest<Native>) => boolean) | undefined;
  readonly checkOrigin: OriginCheck<UpgradeRequest<Native>>;
  /** `undefined` when nothing is capped. */
  readonly caps: AdmissionCaps | undefined;
  readonly authorize: ((request: UpgradeRequest<Native>) => Awaitable<Context | Refusal | false>) | undefined;
  /** `undefined` when none is ever confirmed. */
  readonly pickSubprotocol: ((offered: readonly string[], request: UpgradeRequest<Native>) => string | undefined) | undefined;
  /** `undefined` when there are none. */
  readonly headers: ((request: UpgradeRequest<Native>) => HeaderValues) | undefined;
  readonly compression: Compression | undefined;
  readonly onReject: (refusal: Refusal, request: UpgradeRequest<Native>) => void;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
}

/** What the dispatcher keeps of a request: it has found a WebSocket upgrade with a usable target. */
export interface Dispatched {
  /** The time for the handshake is over, and the client was told. */
  readonly hasExpired: boolean;
  /**
   * A route of ours has the request, and gives the whole handshake `ms` milliseconds from its arrival.
   * @param onLate Called when that time is over. Never throws.
   * @returns why the route may not have it: another library has taken it, so that we may not write to it any more, or it is too late.
   */
  claim(ms: number, onLate: (late: Refusal) => void): "ERR_TAKEN" | "ERR_HANDSHAKE_TIMEOUT" | undefined;
}

type OnError = (error: unknown, request: UpgradeRequest) => void;

/** What differs where a client only asks what a handshake would be answered. */
interface Question {
  /** Called when the origin is allowed. @returns why there is no place for this client. */
  readonly lookForPlace: () => Refusal | undefined;
}

/** What is asked about: a question, or a handshake with what the dispatcher keeps of it, if it came that way. */
interface Asked {
  readonly question?: Question;
  readonly dispatched?: Dispatched | undefined;
}

/**
 * Decides about the upgrade requests of one Upgrader. The order of the checks: handshake, host, origin, admission, authorize. The
 * first refusal wins; each is counted, published and given to `onReject` once. A question what a handshake would be answered takes the
 * same way, from the host on, and is neither counted nor told.
 */
export class Decider<Context, Native> {
  readonly #checks: Checks<Context, Native>;
  readonly #admission: Admission | undefined;
  readonly #counters: Counters;
  readonly #onError: OnError;

  /** @param onError Gets what code of the user throws; never throws itself. */
  constructor(checks: Checks<Context, Native>, counters: Counters, onError: OnError) {
    this.#checks = checks;
    this.#admission = checks.caps && new Admission(checks.caps);
    this.#counters = counters;
    this.#onError = onError;
  }

  /** Neither throws nor rejects. @param dispatched `undefined` for a request that did not come through our dispatcher: then every check is made here. */
  decide<Given extends Native>(request: UpgradeRequest<Given>, dispatched?: Dispatched): Awaitable<Decision<Context, Given>> {
    let verdict: Awaitable<Verdict<Context, Given>>;
    if (dispatched === undefined && asksForCheck(request.raw)) return this.#answerCheck(request);
    try {
      verdict = this.#ask(request, { dispatched });
    } catch (error) {
      return this.fail(error, request, dispatched);
    }
    if (verdict instanceof Promise) return this.#settle(verdict, request, dispatched);
    return verdict.ok ? verdict : this.refuse(verdict, request, dispatched);
  }

  /** Refuses because code of the user failed. Never throws. */
  fail(error: unknown, request: UpgradeRequest<Native>, dispatched?: Dispatched): Refusal {
    this.#onError(error, request);
    return this.refuse(refusal("ERR_CHECK_FAILED"), request, dispatched);
  }

  /**
   * Refuses a request, approved or not, and gives back its slot. A request that has expired was counted and told at its deadline. Never throws.
   * @returns what is to be written: of another copy of core, or changed since it was made, `given` may be one that cannot be written.
   */
  refuse(given: Refusal, request: UpgradeRequest<Native>, dispatched?: Dispatched): Refusal {
    if (dispatched?.hasExpired === true) return refusal("ERR_HANDSHAKE_TIMEOUT");
    const { refusal: acceptable, error } = writable(given);
    if (acceptable !== given) this.#onError(error, request);
    // Only a request of node:http2 has a stream. The version would not tell: a client of HTTP/1 may write any number.
    const refused = "stream" in request.raw ? withoutConnectionHeaders(acceptable) : acceptable;
    UpgradeRequest.freeSlot(request);
    this.#counters.refused(refused.code);
    publishRefusal(refused, request);
    guard(
      () => this.#checks.onReject(refused, request),
      (fault) => this.#onError(fault, request),
    );
    return refused;
  }

  async #settle<Given extends Native>(
    asked: Promise<Verdict<Context, Given>>,
    request: UpgradeRequest<Given>,
    dispatched: Dispatched | undefined,
  ): Promise<Verdict<Context, Given>> {
    const verdict = await asked.catch((error: unknown) => {
      this.#onError(error, request);
      return refusal("ERR_CHECK_FAILED");
    });
    if (verdict.ok && dispatched?.hasExpired !== true) return verdict;
    return this.refuse(verdict.ok ? refusal("ERR_HANDSHAKE_TIMEOUT") : verdict, request, dispatched);
  }

  /** Answers what a handshake would be answered. Takes no place, and counts nothing. Never rejects. */
  async #answerCheck(request: UpgradeRequest<Native>): Promise<CheckAnswer> {
    const { raw, ip, headers } = request;
    let readableBy: string | undefined;
    const lookForPlace = (): Refusal | undefined => {
      readableBy = headers.origin;
      const excess = this.#admission?.excess(ip);
      return closingRefusal(raw) ?? (excess && refusal(excess));
    };
    const { handshakeTimeoutMs, clock } = this.#checks;
    const verdict = await inTime(this.#judge(request, { lookForPlace }), handshakeTimeoutMs, clock);
    return checkAnswer(verdict.ok ? undefined : verdict, readableBy);
  }

  /** Never rejects. What code of the user throws too late is reported too. */
  async #judge<Given extends Native>(request: UpgradeRequest<Given>, question: Question): Promise<Verdict<Context, Given>> {
    try {
      return await this.#ask(request, { question });
    } catch (error) {
      this.#onError(error, request);
      return refusal("ERR_CHECK_FAILED");
    }
  }

  /** Nearly all checks answer at once: then no promise is made. Throws or rejects when code of the user fails. */
  #ask<Given extends Native>(request: UpgradeRequest<Given>, { dispatched, question }: Asked): Awaitable<Verdict<Context, Given>> {
    const { checkHost, checkOrigin } = this.#checks;
    const fault = question === undefined ? this.#claim(request, dispatched) : undefined;
    if (fault !== undefined) return fault;
    if (checkHost !== undefined && !checkHost(request)) return refusal("ERR_HOST_NOT_ALLOWED");
    const isAllowed: unknown = checkOrigin(request.origin, request);
    if (isAllowed === true) return this.#admit(request, question);
    // A check in plain JavaScript may return anything, and only `true`, now or later, is a yes.
    const later = promiseOf(isAllowed);
    return later === undefined ? refusal("ERR_ORIGIN") : this.#admitLater(request, question, later);
  }

  /** Claims the handshake for the route. @returns why the route may not have it, or what is wrong with its form. */
  #claim(request: UpgradeRequest<Native>, dispatched: Dispatched | undefined): Refusal | undefined {
    const { raw, subprotocols } = request;
    const obstacle = dispatched?.claim(this.#checks.handshakeTimeoutMs, (late) => void this.refuse(late, request));
    if (obstacle !== undefined) return refusal(obstacle);
    const fault = dispatched === undefined ? handshakeFault(raw, subprotocols) : dispatchedFault(raw, subprotocols);
    if (fault === "ERR_NOT_UPGRADE" && isWithoutSocket(raw)) return withoutSocket(fault);
    return fault && refusal(fault);
  }

  async #admitLater<Given extends Native>(
    request: UpgradeRequest<Given>,
    question: Question | undefined,
    isAllowed: Promise<unknown>,
  ): Promise<Verdict<Context, Given>> {
    return (await isAllowed) === true ? this.#admit(request, question) : refusal("ERR_ORIGIN");
  }

  #admit<Given extends Native>(request: UpgradeRequest<Given>, question: Question | undefined): Awaitable<Verdict<Context, Given>> {
    const excess = question === undefined ? this.#takePlace(request) : question.lookForPlace();
    if (excess !== undefined) return excess;
    const { authorize } = this.#checks;
    if (authorize === undefined) return this.#approve(request, undefined as Context);
    const answer: unknown = authorize(request);
    const later = promiseOf(answer);
    return later === undefined ? this.#authorized(request, answer) : this.#authorizedLater(request, later);
  }

  async #authorizedLater<Given extends Native>(request: UpgradeRequest<Given>, answer: Promise<unknown>): Promise<Verdict<Context, Given>> {
    return this.#authorized(request, await answer);
  }

  #authorized<Given extends Native>(request: UpgradeRequest<Given>, answer: unknown): Verdict<Context, Given> {
    if (answer instanceof Refusal) return answer;
    return answer === false ? refusal("ERR_FORBIDDEN") : this.#approve(request, answer as Context);
  }

  #takePlace(request: UpgradeRequest<Native>): Refusal | undefined {
    const excess = this.#admission && takeSlot(this.#admission, request);
    return excess && refusal(excess);
  }

  #approve<Given extends Native>(request: UpgradeRequest<Given>, context: Context): Approval<Context, Given> {
    const { pickSubprotocol, compression, headers: extra } = this.#checks;
    const given = request.headers;
    const subprotocol = pickSubprotocol?.(request.subprotocols, request);
    const deflate = compression?.negotiate(given["sec-websocket-extensions"]);
    const key = given["sec-websocket-key"] ?? "";
    const headers = acceptHeaders(extra?.(request), { key, subprotocol, extensions: deflate?.header });
    return { ok: true, status: 101, headers, context, subprotocol, deflate, request };
  }
}

/** Settles as `judged` does, or when `ms` milliseconds are over. */
async function inTime<Judged>(judged: Promise<Judged>, ms: number, clock: Clock): Promise<Judged | Refusal> {
  let timer: Timer | undefined;
  const late = new Promise<Refusal>((resolve) => {
    timer = clock.after(ms, () => resolve(refusal("ERR_HANDSHAKE_TIMEOUT")));
  });
  try {
    return await Promise.race([judged, late]);
  } finally {
    timer?.cancel();
  }
}

/** Holds a slot from now until the request is refused or its socket closes, whatever becomes of it in between. @returns why there is none. */
function takeSlot(admission: Admission, request: UpgradeRequest): RefusalCode | undefined {
  const { socket } = request.raw;
  // When the client has left while `origin` was asked, its socket has emitted `close` already, and the slot would never be freed.
  if (socket.destroyed) return undefined;
  const slot = admission.take(request.ip);
  if (typeof slot === "string") return slot;
  UpgradeRequest.holdSlot(request, slot);
  socket.once("close", () => slot.free());
  return undefined;
}
