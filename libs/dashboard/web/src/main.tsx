import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';
import './styles/theme.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/layout.css';
import './styles/tables.css';
import './styles/screens.css';
import { App } from './app.js';
import { followColorScheme } from './color-scheme.js';

followColorScheme();
createRoot(document.querySelector('#root')!).render(<App />);
