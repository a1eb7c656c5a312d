export interface PlainClient {
  send(type: string, payload?: unknown): void;
  request(type: string, payload?: unknown, options?: { key?: string | undefined; signal?: AbortSignal | undefined }): Promise<unknown>;
  publish(topic: string, type: string, payload?: unknown, options?: { key?: string | undefined }): Promise<unknown>;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  close(): void;
}

export function plainClient(url: string, report: (event: Record<string, unknown>) => void, WebSocketClass?: unknown): PlainClient;
