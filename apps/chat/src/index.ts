export { createChat, type ChatOptions } from "./chat.ts";
export type { Demo, RunningDemo, StartOptions } from "./demo.ts";
export { indexPage, type DemoLink } from "./index-page.ts";
export type { Page } from "./page.ts";
