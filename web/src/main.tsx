import { render } from 'preact';

render(<main data-view="login">Starling</main>, document.getElementById('app')!);
