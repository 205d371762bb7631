package plugin

// AwaitLook waits until the first look is over.
func (p *Plugin) AwaitLook() { <-p.look.done }
