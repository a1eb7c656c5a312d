import { metricsAnswers, readinessAnswers, type Answers } from "./answers.ts";
import type { Metrics } from "./metrics.ts";

/** What is needed of a context of Hono. */
export interface MinimalContext {
  readonly req: { readonly method: string };
}

/** Answers GET and HEAD with Prometheus text, and all else with 405. @throws TypeError for what `createMetrics` has not returned. */
export function metricsHandler(metrics: Metrics): (context: MinimalContext) => Response {
  return handler(metricsAnswers(metrics));
}

/** Answers GET and HEAD with 200 while the process is ready, else with 503; the reasons are in the body, which is JSON. @throws TypeError for what `createMetrics` has not returned. */
export function readinessHandler(metrics: Metrics): (context: MinimalContext) => Response {
  return handler(readinessAnswers(metrics));
}

function handler(answers: Answers) {
  return ({ req: { method } }: MinimalContext): Response => {
    const { status, headers, body } = answers(method);
    return new Response(method === "HEAD" ? null : body, { status, headers: { ...headers } });
  };
}
