import type { Hub } from "@upwire/core";
import { MAX_RETRY_AFTER_MS, MIN_LATER_MS, retryAfterPattern, retryRules } from "@upwire/protocol";
import { createChatHandler } from "./chat-handler.ts";
import type { Demo } from "./demo.ts";
import { echo } from "./echo.ts";
import { escapeHtml, loadPage, scriptValue } from "./page.ts";
import { createChatHub } from "./rooms.ts";
import { realTime, startTimeBroadcast, type Ticker } from "./time-broadcast.ts";

export interface ChatOptions {
  /** Shared by all servers whose clients are to chat with one another; it has the limit for rooms. Default: a new one. */
  readonly hub?: Hub;
  /** By which names browsers may reach it. Default: all. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Replaces real time in tests. */
  readonly ticker?: Ticker;
}

/** When the page reconnects, so that it holds no copy of that. */
const protocol = scriptValue({ retryRules, retryAfterPattern: retryAfterPattern.source, maxRetryAfterMs: MAX_RETRY_AFTER_MS, minLaterMs: MIN_LATER_MS });

/** The demo. It tells its clients the time until `stop()`. */
export function createChat({ hub = createChatHub(), allowedHosts, ticker = realTime }: ChatOptions = {}): Demo {
  const chatOptions = allowedHosts === undefined ? {} : { allowedHosts };
  const broadcast = startTimeBroadcast(hub, ticker);
  return {
    hub,
    chat: createChatHandler(hub),
    chatOptions,
    echo,
    chatPage: (framework) => loadPage("chat.html", { "{{framework}}": escapeHtml(framework), "{{protocol}}": protocol }),
    echoPage: loadPage("echo.html"),
    stop: () => broadcast.cancel(),
  };
}
