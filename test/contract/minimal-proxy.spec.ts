import { MINIMAL_PROXY } from '../support/redis-proxy.js';
import { describeThroughProxy } from './through-proxy.js';

describeThroughProxy('a minimal proxy', MINIMAL_PROXY);
