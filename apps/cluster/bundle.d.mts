/** The script of the page, minified, from sources, to `dist/cluster-page.js`. @throws Error whose message says where. */
export function bundlePage(): Promise<void>;
