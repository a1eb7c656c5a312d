import { metricsAnswers, readinessAnswers, type Answers } from "./answers.ts";
import type { Metrics } from "./metrics.ts";

/** What is needed of a request: that of `node:http`, of Express, of Connect and of `node:http2` have it. */
export interface NodeRequest {
  readonly method?: string | undefined;
}

/** What is needed of a response. */
export interface NodeResponse {
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown;
  end(body?: string): unknown;
}

/** Answers GET and HEAD with Prometheus text, and all else with 405. @throws TypeError for what `createMetrics` has not returned. */
export function metricsHandler(metrics: Metrics): (request: NodeRequest, response: NodeResponse) => void {
  return handler(metricsAnswers(metrics));
}

/** Answers GET and HEAD with 200 while the process is ready, else with 503; the reasons are in the body, which is JSON. @throws TypeError for what `createMetrics` has not returned. */
export function readinessHandler(metrics: Metrics): (request: NodeRequest, response: NodeResponse) => void {
  return handler(readinessAnswers(metrics));
}

function handler(answers: Answers) {
  return ({ method }: NodeRequest, response: NodeResponse): void => {
    const { status, headers, body } = answers(method);
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    if (method === "HEAD") response.end();
    else response.end(body);
  };
}
