/** Entry `@nestjs-asynq/dashboard/standalone`: the dashboard without an app around it, for the command line. */
export { type DashboardServer, startDashboard, type StandaloneOptions } from './start-dashboard.js';
