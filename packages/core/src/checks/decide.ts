import type { Clock, Timer } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { RefusalCode } from "../base/errors.ts";
import { guard, promiseOf } from "../base/guard.ts";
import type { Compression, DeflateParameters } from "../wire/compression.ts";
import { acceptHeaders, type AcceptHeaders } from "./accept-headers.ts";
import { Admission, type AdmissionCaps } from "./admission.ts";
import { askingOrigin, asksForCheck, checkAnswer, closingRefusal, type CheckAnswer } from "./check-answer.ts";
import type { HeaderValues } from "./given-headers.ts";
import { dispatchedFault, handshakeFault } from "./handshake.ts";
import type { OriginCheck } from "./origin.ts";
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
}

type OnError = (error: unknown, request: UpgradeRequest) => void;

/** Called once the origin is allowed. @returns why there is no place for this client. */
type Admit = (request: UpgradeRequest) => Refusal | undefined;

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
      verdict = this.#ask(request, dispatched);
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
   * Refuses a request, approved or not, and gives back its slot; one that has expired was counted and told then. Never throws.
   * @returns what is to be written: of another copy of core, or changed since it was made, `given` may be one that cannot be written.
   */
  refuse(given: Refusal, request: UpgradeRequest<Native>, dispatched?: Dispatched): Refusal {
    if (dispatched?.hasExpired === true) return refusal("ERR_HANDSHAKE_TIMEOUT");
    const { refusal: acceptable, error } = writable(given);
    if (acceptable !== given) this.#onError(error, request);
    // A request of node:http2 has a stream. One of HTTP/1 may name any version.
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

  /** Throws or rejects when code of the user fails. */
  #ask<Given extends Native>(request: UpgradeRequest<Given>, dispatched: Dispatched | undefined): Awaitable<Verdict<Context, Given>> {
    const { raw, subprotocols } = request;
    const fault = dispatched === undefined ? handshakeFault(raw, subprotocols) : dispatchedFault(raw, subprotocols);
    if (fault === "ERR_NOT_UPGRADE" && isWithoutSocket(raw)) return withoutSocket(fault);
    return fault === undefined ? this.#judge(request, request.origin, this.#takePlace) : refusal(fault);
  }

  /** Takes no place, and counts nothing. Never rejects. */
  async #answerCheck(request: UpgradeRequest<Native>): Promise<CheckAnswer> {
    let readableBy: string | undefined;
    const lookForPlace: Admit = ({ raw, ip, origin }) => {
      readableBy = origin;
      const excess = this.#admission?.excess(ip);
      return closingRefusal(raw) ?? (excess && refusal(excess));
    };
    const { handshakeTimeoutMs, clock } = this.#checks;
    try {
      const judged = Promise.resolve(this.#judge(request, askingOrigin(request.headers), lookForPlace));
      const verdict = await inTime(judged, handshakeTimeoutMs, clock);
      return checkAnswer(verdict.ok ? undefined : verdict, readableBy);
    } catch (error) {
      this.#onError(error, request);
      return checkAnswer(refusal("ERR_CHECK_FAILED"), readableBy);
    }
  }

  /** Nearly all checks answer at once: then no promise is made. Throws or rejects when code of the user fails. */
  #judge<Given extends Native>(request: UpgradeRequest<Given>, origin: string | undefined, admit: Admit): Awaitable<Verdict<Context, Given>> {
    const { checkHost, checkOrigin } = this.#checks;
    if (checkHost !== undefined && !checkHost(request)) return refusal("ERR_HOST_NOT_ALLOWED");
    const isAllowed: unknown = checkOrigin(origin, request);
    if (isAllowed === true) return this.#admit(request, admit);
    // A check in plain JavaScript may return anything, and only `true`, now or later, is a yes.
    const later = promiseOf(isAllowed);
    return later === undefined ? refusal("ERR_ORIGIN") : this.#admitLater(request, admit, later);
  }

  async #admitLater<Given extends Native>(request: UpgradeRequest<Given>, admit: Admit, isAllowed: Promise<unknown>): Promise<Verdict<Context, Given>> {
    return (await isAllowed) === true ? this.#admit(request, admit) : refusal("ERR_ORIGIN");
  }

  #admit<Given extends Native>(request: UpgradeRequest<Given>, admit: Admit): Awaitable<Verdict<Context, Given>> {
    const excess = admit(request);
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

  /** For a handshake. */
  readonly #takePlace: Admit = (request) => {
    const excess = this.#admission && takeSlot(this.#admission, request);
    return excess && refusal(excess);
  };

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
  // Of a client that left while `origin` was asked, nothing would tell us again.
  if (socket.destroyed) return undefined;
  const slot = admission.take(request.ip);
  if (typeof slot === "string") return slot;
  UpgradeRequest.holdSlot(request, slot);
  socket.once("close", () => slot.free());
  return undefined;
}
