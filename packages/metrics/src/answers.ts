import { kindOf } from "./kind-of.ts";
import { Metrics } from "./metrics.ts";
import { PROMETHEUS_TYPE } from "./prometheus.ts";

/** What a framework should answer. To HEAD it is the same, without the body. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What answers a request with this method. Never throws. */
export type Answers = (method: string | undefined) => Answer;

/** @throws TypeError for what is no `Metrics`. */
export function metricsAnswers(metrics: Metrics): Answers {
  check("metricsHandler", metrics);
  return toReads(() => ({ status: 200, headers: { "content-type": PROMETHEUS_TYPE, ...neverKept }, body: metrics.text() }));
}

/** @throws TypeError for what is no `Metrics`. */
export function readinessAnswers(metrics: Metrics): Answers {
  check("readinessHandler", metrics);
  return toReads(() => {
    const readiness = metrics.readiness();
    const headers = { "content-type": "application/json; charset=utf-8", ...neverKept };
    return { status: readiness.ready ? 200 : 503, headers, body: JSON.stringify(readiness) };
  });
}

/** What was true a moment ago helps nothing and may mislead. */
const neverKept = { "cache-control": "no-store" } as const;

/** RFC 9110 §15.5.6: a 405 says in `Allow` what there is. */
const notAllowed: Answer = {
  status: 405,
  headers: { allow: "GET, HEAD", "content-type": "text/plain; charset=utf-8", ...neverKept },
  body: "Only GET and HEAD are answered here.\n",
};

function toReads(read: () => Answer): Answers {
  return (method) => (method === "GET" || method === "HEAD" ? read() : notAllowed);
}

function check(name: string, metrics: unknown): void {
  if (!(metrics instanceof Metrics)) throw new TypeError(`${name}: ${kindOf(metrics)} is not allowed; give what createMetrics(…) returns`);
}
