import { metricsAnswers, readinessAnswers, type Answers } from "./answers.ts";
import type { Metrics } from "./metrics.ts";

/** What is needed of a context of Koa. */
export interface MinimalContext {
  readonly method: string;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): unknown;
}

/** Answers GET and HEAD with Prometheus text, and all else with 405. @throws TypeError for what `createMetrics` has not returned. */
export function metricsHandler(metrics: Metrics): (context: MinimalContext) => void {
  return handler(metricsAnswers(metrics));
}

/** Answers GET and HEAD with 200 while the process is ready, else with 503; the reasons are in the body, which is JSON. @throws TypeError for what `createMetrics` has not returned. */
export function readinessHandler(metrics: Metrics): (context: MinimalContext) => void {
  return handler(readinessAnswers(metrics));
}

function handler(answers: Answers) {
  return (context: MinimalContext): void => {
    const { status, headers, body } = answers(context.method);
    context.status = status;
    context.set({ ...headers });
    // Koa tells the length, and sends no body to HEAD.
    context.body = body;
  };
}
