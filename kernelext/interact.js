// Connects the controls of one live what-if to the program of its cell, over a
// connection to the kernel that all what-ifs of a page share.
//
// The program shows its answers as updates of displays, as any program does; only
// what the reader does with the controls travels here, as comm messages that the
// kernel passes on. Placeholders in the first line are JSON.
((id, kernel, address, view) => {
	const root = document.getElementById(id);
	const config = document.getElementById('jupyter-config-data');
	if (!root || !config || root.dataset.wired) return; // exported, or not Jupyter's page
	root.dataset.wired = '1';
	const page = JSON.parse(config.textContent || '{}');

	const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, '0')).join('');

	function connect() {
		const base = new URL(page.baseUrl || '/', location.href);
		const url = new URL((page.wsUrl || base.href.replace(/^http/, 'ws')).replace(/\/?$/, '/') + 'api/kernels/' + encodeURIComponent(kernel) + '/channels');
		url.searchParams.set('session_id', random());
		if (page.token) url.searchParams.set('token', page.token);
		const link = { comm: 'quantnb-' + random(), owner: '', watchers: new Set(), waiting: [], closed: false };
		const socket = new WebSocket(url);
		const send = (type, content) => {
			const id = random();
			const header = { msg_id: id, msg_type: type, session: link.comm, username: '', version: '5.3', date: new Date().toISOString() };
			socket.send(JSON.stringify({ header, msg_id: id, msg_type: type, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }));
		};
		const say = data => send('comm_msg', { comm_id: link.comm, data });
		// The kernel listens to the comm that was opened last. gonb's own script
		// may open one after us; another page of ours may, too, and then keeps it
		// until something is done here.
		const open = () => send('comm_open', { comm_id: link.comm, target_name: 'gonb_comm', kernel_id: kernel, data: {} });
		link.send = (address, value) => {
			if (socket.readyState !== WebSocket.OPEN) return;
			if (link.owner === link.comm) return say({ address, value });
			link.waiting.push({ address, value });
			open();
		};
		link.alive = () => !link.closed && socket.readyState <= WebSocket.OPEN;
		socket.onopen = () => setTimeout(() => { if (!link.owner) open(); }, 120);
		socket.onclose = () => { link.closed = true; };
		socket.onmessage = event => {
			if (typeof event.data !== 'string') return;
			const msg = JSON.parse(event.data), content = msg.content || {};
			if (msg.msg_type === 'comm_msg') {
				const data = content.data || {};
				if (data.address === '#comm_open_ack') {
					link.owner = content.comm_id;
					if (link.owner === link.comm) link.waiting.splice(0).forEach(say);
					else if (!link.owner.startsWith('quantnb-')) open();
				} else if (data.address === '#heartbeat/ping' && content.comm_id === link.comm) {
					say({ address: '#heartbeat/pong', value: true });
				}
			} else if (msg.msg_type === 'display_data' || msg.msg_type === 'update_display_data') {
				const shown = (content.transient || {}).display_id;
				link.watchers.forEach(watch => watch(shown, content));
			}
		};
		return link;
	}

	const links = globalThis.quantnbLinks ||= {};
	const link = links[kernel]?.alive() ? links[kernel] : (links[kernel] = connect());

	const at = name => root.querySelector('[data-part="' + name + '"]');
	const layer = at('layer'), status = at('status');
	const sliders = ['weight', 'activation'].map(name => ({ name, input: at(name), shown: at(name + '-bits') }));
	const widths = JSON.parse(root.dataset.widths), state = JSON.parse(root.dataset.start);
	let number = 0, answered = false;
	const ask = (what, more) => link.send(address, JSON.stringify({ do: what, number: ++number, layer: +layer.value, ...more }));

	const bits = n => n === 0 ? 'float' : n === 1 ? '1 bit' : n + ' bits';
	function place() { // sets the sliders to what the plan gives to the layer
		const row = state[+layer.value], offer = widths[+layer.value];
		sliders.forEach(({ input, shown }, k) => {
			const list = offer[k];
			input.disabled = !list.length;
			input.max = Math.max(0, list.length - 1);
			input.value = Math.max(0, list.indexOf(row[k]));
			shown.textContent = list.length ? (row[k] < 0 ? 'mixed' : bits(row[k])) : 'none';
		});
	}
	layer.addEventListener('change', () => { place(); ask('look'); });
	sliders.forEach(({ name, input, shown }, k) => input.addEventListener('input', () => {
		const n = widths[+layer.value][k][+input.value];
		shown.textContent = bits(n);
		state[+layer.value][k] = n;
		root.dataset.sent = performance.now();
		ask('set', { [name]: n });
	}));
	for (const what of ['take', 'reset', 'done']) at(what).addEventListener('click', () => ask(what));

	link.watchers.add(function watch(shown, content) {
		if (shown !== view) return;
		const told = (content.metadata || {}).quantnb;
		if (!told) return;
		const news = JSON.parse(told);
		if (!answered) root.querySelectorAll('[disabled]').forEach(e => { e.disabled = false; });
		if (news.plan) news.plan.forEach((row, i) => { state[i] = row; });
		if (!answered || news.number >= number) place();
		answered = true;
		status.textContent = news.status || '';
		if (news.ended) link.watchers.delete(watch);
	});
	let tries = 0;
	const hello = () => {
		if (answered || tries++ > 40 || !root.isConnected && tries > 5) return;
		if (link.closed) { status.textContent = 'not connected: this cell no longer runs'; return; }
		ask('hello');
		setTimeout(hello, 150);
	};
	place();
	hello();
})(ARGUMENTS);
