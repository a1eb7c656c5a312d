export function makeCertificate(host: string): Promise<{ key: string; cert: string }>;
