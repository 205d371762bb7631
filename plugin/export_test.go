package plugin

// AwaitStartupCheck waits until the startup check is over.
func (p *Plugin) AwaitStartupCheck() { <-p.startupCheck.done }
