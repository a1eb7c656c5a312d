import { metricsAnswers, readinessAnswers, type Answers } from "./answers.ts";
import type { Metrics } from "./metrics.ts";

/** What is needed of a request of Fastify. */
export interface MinimalRequest {
  readonly method: string;
}

/** What is needed of a reply of Fastify. */
export interface MinimalReply {
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: string): unknown;
}

/** Answers GET and HEAD with Prometheus text, and all else with 405. @throws TypeError for what `createMetrics` has not returned. */
export function metricsHandler(metrics: Metrics): (request: MinimalRequest, reply: MinimalReply) => void {
  return handler(metricsAnswers(metrics));
}

/** Answers GET and HEAD with 200 while the process is ready, else with 503; the reasons are in the body, which is JSON. @throws TypeError for what `createMetrics` has not returned. */
export function readinessHandler(metrics: Metrics): (request: MinimalRequest, reply: MinimalReply) => void {
  return handler(readinessAnswers(metrics));
}

function handler(answers: Answers) {
  return ({ method }: MinimalRequest, reply: MinimalReply): void => {
    const { status, headers, body } = answers(method);
    reply.code(status);
    reply.headers({ ...headers });
    // Fastify tells the length, and sends no body to HEAD.
    reply.send(body);
  };
}
