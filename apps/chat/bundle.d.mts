/** The script of the page, minified, from sources, to `dist/chat-page.js`. @throws Error whose message says where. */
export function bundlePage(): Promise<void>;
