/** The flags of `asynq dashboard`. */
export interface DashboardFlags {
  readonly host: string;
  readonly port: number;
  readonly dashboard_password: string | undefined;
  readonly proxy_header: string | undefined;
  readonly public_url: string | undefined;
  readonly read_only: boolean;
  readonly redact: string | undefined;
  readonly environment: string | undefined;
}
