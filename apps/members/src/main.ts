import 'reflect-metadata';
import { dashboardUrl, describeApp, explainBootFailure, startApp } from './start-app.js';

try {
  const app = await startApp();
  console.log(`members: ${await describeApp(app)}`);
  const monitoring = await dashboardUrl(app);
  if (monitoring) console.log(`monitoring: ${monitoring}`);
} catch (error) {
  console.error(explainBootFailure(error));
  process.exit(1);
}
